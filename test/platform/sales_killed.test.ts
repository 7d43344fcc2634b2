import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTokens } from '../../src/accounts/tokens.ts'
import { openPool } from '../../src/platform/database.ts'
import { type EmbeddedServer, startPostgres } from '../../src/platform/embedded.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { addEvent } from '../catalog.ts'
import { expectVerified } from '../harness.ts'
import { ticketsOf } from '../sales.ts'
import { type Spawned, spawnOnsale } from './spawn.ts'

// The server and its PostgreSQL are killed while orders come in, and every buyer repeats his request until it is answered.

const secret = 'a secret of more than 32 characters'
const buyers = 1_500
const capacity = 1_000

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
    expect(orders.length).toBe(capacity)
    expect(new Set(orders).size).toBe(capacity)
    const sql = openPool(postgres.url, { name: 'test', max: 1, statementTimeoutMs: 0 })
    await expectVerified(sql)
    const [row] =
      await sql`select sold::integer, available::integer from onsale.stock where event_id = ${shop.event}`
    expect(row).toEqual({ sold: capacity, available: 0 })
    await sql.end({ timeout: 1 })
  } finally {
    server?.process.kill('SIGKILL')
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}, 180_000)

type Shop = { event: number; ticket: number; users: number[] }

/** A free event of too few tickets, and its buyers. */
async function stock(url: string): Promise<Shop> {
  const sql = openPool(url, { name: 'test', max: 1, statementTimeoutMs: 0 })
  const event = await addEvent(sql, { tickets: [{ price: 0, direct: { capacity } }] })
  const [ticket = 0] = await ticketsOf(sql, event)
  const rows = await sql<{ id: number }[]>`
    insert into onsale.users (email, password_hash)
    select 'buyer' || n || '@example.com', 'none' from generate_series(1, ${buyers}::integer) n
    returning id::integer`
  await sql.end({ timeout: 1 })
  return { event, ticket, users: rows.map(({ id }) => id) }
}

/** Each buyer orders one ticket and repeats that until he is told 201, 200 or 409; answers the ids of the orders. */
async function orderAll(
  { ticket, users }: Shop,
  base: () => string,
  answered: { count: number },
): Promise<number[]> {
  const tokens = createTokens([secret])
  const orders: number[] = []
  const waiting = [...users]
  const body = JSON.stringify({ items: [{ ticket_id: ticket, qty: 1 }], client_token: 'the-only-one' })
  await Promise.all(Array.from({ length: 32 }, work))
  return orders

  async function work(): Promise<void> {
    for (let userId = waiting.pop(); userId !== undefined; userId = waiting.pop()) {
      const token = await tokens.sign({ userId, role: 'USER', tokenGeneration: 1 })
      const id = await orderOne(token)
      if (id !== null) orders.push(id)
      answered.count++
    }
  }

  /** The order's id; null where nothing is left. */
  async function orderOne(token: string): Promise<number | null> {
    for (; ; await Bun.sleep(20)) {
      const answer = await send(token)
      if (answer === null || answer.status === 503) continue
      const { id, code } = answer.body
      if (answer.status !== 409)
        expect([answer.status === 200 || answer.status === 201, code]).toEqual([true, undefined])
      else expect(code).toBe('sold_out')
      return id ?? null
    }
  }

  /** Null: the server is away. */
  async function send(
    token: string,
  ): Promise<{ status: number; body: { id?: number; code?: string } } | null> {
    try {
      const response = await fetch(`${base()}/orders`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(5_000),
      })
      return { status: response.status, body: (await response.json()) as { id?: number; code?: string } }
    } catch {
      return null
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const endsAt = performance.now() + 60_000; !condition(); await Bun.sleep(5)) {
    if (performance.now() > endsAt) throw new Error('Not so within a minute')
  }
}
