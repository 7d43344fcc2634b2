import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTokens } from '../../src/accounts/tokens.ts'
import { signPayment } from '../../src/payments/signature.ts'
import { openPool } from '../../src/platform/database.ts'
import { type EmbeddedServer, startPostgres } from '../../src/platform/embedded.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified } from '../harness.ts'
import { ticketsOf } from '../sales.ts'
import { type Spawned, spawnOnsale } from './spawn.ts'

// The server and its PostgreSQL are killed while orders come in and are paid. Every buyer repeats his request until it is answered,
// and so does the provider: half of the tickets are free, of the others the payment fails at first for one buyer in three.

const secret = 'a secret of more than 32 characters'
const buyers = 1_500
/** Of each of the two kinds of ticket. */
const capacity = 500

test('kill -9 of the server and of PostgreSQL in the middle: nothing lost, nothing double, nothing oversold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onsale-killed-'))
  let postgres: EmbeddedServer | undefined
  let server: Spawned | undefined
  try {
    postgres = await startPostgres({ folder: join(folder, 'postgres') })
    await migrate(postgres.url)
    const shop = await stock(postgres.url)
    const answered = { count: 0 }
    let base = ''
    const env = () => ({
      DATABASE_URL: postgres!.url,
      SECRET_KEY: secret,
      SHOPIFY_WEBHOOK_SECRET: 'unused',
      PAYMENT_WEBHOOK_SECRET: secret,
      LOG_LEVEL: 'info',
      RATE_LIMITS: 'off',
    })
    server = await spawnOnsale(['serve'], env())
    base = server.url
    const storm = orderAll(shop, () => base, answered)
    // What fails while nobody waits for it is told where it is waited for, and everything is stopped.
    storm.catch(() => {})

    await until(() => answered.count > 150)
    server.process.kill('SIGKILL')
    await server.process.exited
    server = await spawnOnsale(['serve'], env())
    base = server.url

    await until(() => answered.count > 500)
    process.kill(postgres.pid, 'SIGKILL')
    await postgres.exited
    postgres = await startPostgres({ folder: join(folder, 'postgres') })
    server.process.kill('SIGKILL')
    await server.process.exited
    server = await spawnOnsale(['serve'], env())
    base = server.url

    const orders = await storm
    expect(orders.length).toBe(2 * capacity)
    expect(new Set(orders).size).toBe(2 * capacity)
    const sql = openPool(postgres.url, { name: 'test', max: 1, statementTimeoutMs: 0 })
    await expectVerified(sql)
    const rows = await sql`
      select sold::integer, held::integer, available::integer from onsale.stock where event_id = ${shop.event}`
    const soldOut = { sold: capacity, held: 0, available: 0 }
    expect([...rows]).toEqual([soldOut, soldOut])
    // No attempt was left behind by a call whose answer was lost.
    const left = await sql`select from onsale.payments where status = 'PENDING'`
    expect(left).toHaveLength(0)
    await sql.end({ timeout: 1 })
  } finally {
    server?.process.kill('SIGKILL')
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}, 180_000)

type Shop = { event: number; tickets: number[]; users: number[] }

/** An event of too few tickets, free ones and others, and its buyers. */
async function stock(url: string): Promise<Shop> {
  const sql = openPool(url, { name: 'test', max: 1, statementTimeoutMs: 0 })
  const event = await addEvent(sql, {
    tickets: [
      { price: 0, direct: { capacity } },
      { price: 2500, direct: { capacity } },
    ],
  })
  const tickets = await ticketsOf(sql, event)
  const rows = await sql<{ id: number }[]>`
    insert into onsale.users (email, password_hash)
    select 'buyer' || n || '@example.com', 'none' from generate_series(1, ${buyers}::integer) n
    returning id::integer`
  await sql.end({ timeout: 1 })
  return { event, tickets, users: rows.map(({ id }) => id) }
}

/** Each buyer orders one ticket, and pays where it is not free, until he has it or none is left; answers the ids of the orders. */
async function orderAll(
  { tickets, users }: Shop,
  base: () => string,
  answered: { count: number },
): Promise<number[]> {
  const tokens = createTokens([secret])
  const orders: number[] = []
  const waiting = [...users]
  await Promise.all(Array.from({ length: 32 }, work))
  return orders

  async function work(): Promise<void> {
    for (let userId = waiting.pop(); userId !== undefined; userId = waiting.pop()) {
      const token = await tokens.sign({ userId, role: 'USER', tokenGeneration: 1 })
      const order = await orderOne(token, tickets[userId % 2] ?? 0)
      if (order !== null) {
        if (order.status === 'PENDING') await pay(token, order.id, { failsFirst: userId % 3 === 0 })
        orders.push(order.id)
      }
      answered.count++
    }
  }

  /** Null where nothing is left. */
  async function orderOne(token: string, ticket: number): Promise<{ id: number; status: string } | null> {
    const body = { items: [{ ticket_id: ticket, qty: 1 }], client_token: 'the-only-one' }
    for (;;) {
      const { status, body: answer } = await insist('/orders', token, body)
      // Whoever holds the last ones may not pay for them.
      if (answer.code === 'held_by_others') continue
      if (status === 409) {
        expect(answer.code).toBe('sold_out')
        return null
      }
      expect([status === 200 || status === 201, answer.code]).toEqual([true, undefined])
      return { id: answer.id ?? 0, status: answer.status ?? '' }
    }
  }

  /** Pays, at the second attempt where the first one fails; the provider repeats what it is not answered, and once more. */
  async function pay(token: string, order: number, { failsFirst }: { failsFirst: boolean }): Promise<void> {
    for (const result of failsFirst ? ['FAILED', 'SUCCESS'] : ['SUCCESS']) {
      const { status, body } = await insist('/payments/initiate', token, { order_id: order })
      expect([status === 200 || status === 201, body.code]).toEqual([true, undefined])
      const told = { payment_id: body.payment_id, order_id: order, status: result }
      for (const _ of ['told', 'told again']) {
        const { body: taken } = await insist('/payments/webhook', null, told)
        expect(taken.order_status).toBe(result === 'SUCCESS' ? 'PAID' : 'PENDING')
      }
    }
  }

  /** Sends until it is answered by something else than that the server is away. */
  async function insist(path: string, token: string | null, body: object): Promise<Answer> {
    for (; ; await Bun.sleep(20)) {
      const answer = await send(path, token, JSON.stringify(body))
      if (answer !== null && answer.status !== 503) return answer
    }
  }

  /** Null: the server is away. */
  async function send(path: string, token: string | null, body: string): Promise<Answer | null> {
    const signature = signPayment(body, { secret, nowS: Math.floor(Date.now() / 1000) })
    try {
      const response = await fetch(`${base()}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === null ? { 'x-signature': signature } : { authorization: `Bearer ${token}` }),
        },
        body,
        signal: AbortSignal.timeout(5_000),
      })
      return { status: response.status, body: (await response.json()) as Answer['body'] }
    } catch {
      return null
    }
  }
}

type Answer = {
  status: number
  body: { id?: number; status?: string; code?: string; payment_id?: number; order_status?: string }
}

async function until(condition: () => boolean): Promise<void> {
  for (const endsAt = performance.now() + 60_000; !condition(); await Bun.sleep(5)) {
    if (performance.now() > endsAt) throw new Error('Not so within a minute')
  }
}
