import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import { createAccounts } from '../../src/accounts/accounts.ts'
import { accountRoutes } from '../../src/accounts/routes.ts'
import { composeApp } from '../../src/app.ts'
import { createPayments } from '../../src/payments/payments.ts'
import { paymentRoutes } from '../../src/payments/routes.ts'
import { createSimulator } from '../../src/payments/simulator.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createRateLimits } from '../../src/rate_limits/rate_limits.ts'
import { salesRoutes } from '../../src/sales/routes.ts'
import { createSales } from '../../src/sales/sales.ts'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { ordered } from '../payments.ts'

const secret = 'what a provider signs with'
const email = 'admin@demo.example'
const password = 'a sentence about otters'
let database: TestDatabase
let server: Bun.Server<undefined>

beforeAll(async () => {
  database = await testDatabase()
  const pool = database.service
  const metrics = createMetrics()
  const log = createLog({ level: 'silent', destination: { write: () => {} } })
  const accounts = createAccounts({ pool, secrets: ['a secret of more than 32 characters'], metrics })
  const { id } = await accounts.signup({ email, password })
  await database.admin`update onsale.users set role = 'ADMIN' where id = ${id}`
  const sales = createSales({ pool, metrics })
  const simulator = createSimulator({ secrets: [secret], windowS: 300 })
  const rateLimits = createRateLimits({ redis: null, config: { rateLimits: false, trustedProxies: [] } })
  const ticketLinks = createTicketLinks(['a secret of more than 32 characters'])
  const flows = new Elysia()
    .use(accountRoutes({ accounts, rateLimits }))
    .use(salesRoutes({ sales, ticketLinks, accounts, rateLimits }))
    .use(
      paymentRoutes({
        payments: createPayments({ pool, providers: [simulator], log, metrics }),
        sales,
        ticketLinks,
        accounts,
        simulator,
        config: { publicUrl: null, paymentReturnUrl: null },
      }),
    )
    .get('/health', () => ({ status: 'healthy' }))
  const app = composeApp(flows, { config: { corsOrigins: [] }, log, metrics })
  server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
})
afterAll(async () => {
  await expectVerified(database.admin)
  await server.stop(true)
  await database.drop()
})

async function pay(args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, '../../sandbox/pay.ts'), ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      DATA_DIR: '/nowhere',
      ONSALE_URL: server.url.origin,
      PAYMENT_WEBHOOK_SECRET: secret,
      DEMO_ADMIN_EMAIL: email,
      DEMO_ADMIN_PASSWORD: password,
      ...env,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { out, error, code: await child.exited }
}

/** An order that is to be paid for a long time yet. */
async function unpaid(): Promise<number> {
  const { order } = await ordered(database.admin)
  await database.admin`update onsale.orders set expires_at = '2099-01-01' where id = ${order}`
  return order
}

test('an order is paid, whatever is told of it, how often and in what order', async () => {
  const order = await unpaid()
  const { out, code } = await pay(['--order', `${order}`, 'failed', 'success', '--repeat', '3', '--shuffle'])
  expect(code).toBe(0)
  expect(out.match(/HTTP 200/g)).toHaveLength(6)
  expect(out).toContain(`Order ${order} is PAID`)
})

test('a failure leaves it unpaid; paid later by the payment that was begun', async () => {
  const order = await unpaid()
  const failed = await pay(['--order', `${order}`, 'failed'])
  expect(failed.out).toContain(`Order ${order} is PENDING`)
  const payment = /^Payment (\d+)/.exec(failed.out)?.[1] ?? ''
  await database.admin`update onsale.orders set expires_at = created_at where id = ${order}`
  const paid = await pay(['--order', `${order}`, '--payment', payment, 'success'])
  expect(paid.out).toContain(`Order ${order} is PAID`)
})

test('what is refused ends with 1, what cannot start with 2 and a sentence', async () => {
  const order = await unpaid()
  const forged = await pay(['--order', `${order}`, 'success'], { PAYMENT_WEBHOOK_SECRET: 'another' })
  expect([forged.code, forged.out.includes('bad_signature')]).toEqual([1, true])
  for (const [args, sentence] of [
    [['--order', '999999', 'success'], 'not_found'],
    [['--order', `${order}`, 'success', '--url', 'https://shop.example'], '--allow-remote'],
    [['--order', 'x', 'success'], 'whole number'],
    [['--order', `${order}`, 'refunded'], 'Allowed choices'],
  ] as const) {
    const { code, error } = await pay([...args])
    expect([args, code, error]).toEqual([args, 2, expect.stringContaining(sentence)])
  }
})
