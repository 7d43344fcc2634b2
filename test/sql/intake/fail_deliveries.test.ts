import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, order } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

function fail(sql: Session, now: string, id = 'x', body = 'not json \xff') {
  return sql`
    select from api.fail_deliveries(
      p_shops => array['demo.myshopify.com'],
      p_delivery_ids => array[${id}::text],
      p_topics => array['orders/create'],
      p_triggered_ns => array[7::bigint],
      p_event_ids => array['event'],
      p_api_versions => array['2026-10'],
      p_bodies => array[${Buffer.from(body, 'latin1').toString('base64')}::text],
      p_sqlstates => array['22P02'],
      p_reasons => array['It is no JSON'],
      p_now => ${now}::text::timestamptz
    )`
}

async function kept(sql: Session) {
  const [row] = await sql`
    select attempts, is_dead, failed_at, next_attempt_at from onsale.failed_deliveries where delivery_id = 'x'`
  return row
}

check('a delivery is kept as it came, byte by byte', async (sql) => {
  await fail(sql, '2026-11-01T10:00:00Z')
  const [row] = await sql`select * from onsale.failed_deliveries`
  expect(row).toEqual({
    shop: 'demo.myshopify.com',
    delivery_id: 'x',
    topic: 'orders/create',
    triggered_ns: '7',
    event_id: 'event',
    api_version: '2026-10',
    body: Buffer.from('not json \xff', 'latin1'),
    sqlstate: '22P02',
    reason: 'It is no JSON',
    attempts: 1,
    is_dead: false,
    failed_at: new Date('2026-11-01T10:00:00Z'),
    next_attempt_at: new Date('2026-11-01T10:00:10Z'),
  })
  expect([...(await sql`select delivery_id, outcome from onsale.deliveries`)]).toEqual([
    { delivery_id: 'x', outcome: 'failed' },
  ])
})

check('it is tried again after 10 seconds, one minute, six minutes, and then it is dead', async (sql) => {
  const attempts = []
  for (const now of ['10:00:00', '10:00:10', '10:01:10', '10:07:10']) {
    await fail(sql, `2026-11-01T${now}Z`)
    attempts.push(await kept(sql))
  }
  const failed_at = new Date('2026-11-01T10:00:00Z')
  expect(attempts).toMatchObject([
    { attempts: 1, is_dead: false, failed_at, next_attempt_at: new Date('2026-11-01T10:00:10Z') },
    { attempts: 2, is_dead: false, failed_at, next_attempt_at: new Date('2026-11-01T10:01:10Z') },
    { attempts: 3, is_dead: false, failed_at, next_attempt_at: new Date('2026-11-01T10:07:10Z') },
    { attempts: 4, is_dead: true, failed_at },
  ])
})

check('a dead letter may fail a hundred times more', async (sql) => {
  for (let nth = 0; nth < 100; nth++) await fail(sql, '2026-11-01T10:00:00Z')
  expect(await kept(sql)).toMatchObject({ attempts: 100, is_dead: true })
})

check('the first bytes stay: a repetition brings the same ones', async (sql) => {
  await fail(sql, '2026-11-01T10:00:00Z', 'x', 'first')
  await fail(sql, '2026-11-01T10:00:00Z', 'x', 'second')
  expect([...(await sql`select convert_from(body, 'UTF8') as body from onsale.failed_deliveries`)]).toEqual([
    { body: 'first' },
  ])
})

check('what was applied meanwhile is not kept as failed', async (sql) => {
  await apply(sql, delivery('orders/create', order(), { id: 'x' }))
  await fail(sql, '2026-11-01T10:00:00Z')
  expect(await kept(sql)).toBeUndefined()
  expect([...(await sql`select outcome from onsale.deliveries`)]).toEqual([{ outcome: 'applied' }])
})

check('the bytes of a redacted customer are not kept, the failure is', async (sql) => {
  await apply(sql, delivery('customers/redact', { customer: { id: 77 }, orders_to_redact: [] }))
  await fail(sql, '2026-11-01T10:00:00Z', 'x', '{"customer":{"id":77},"\xff')
  await fail(sql, '2026-11-01T10:00:00Z', 'y', '{"customer":{"id":777},"\xff')
  const rows =
    await sql`select delivery_id as id, length(body) as bytes from onsale.failed_deliveries order by 1`
  expect([...rows]).toEqual([
    { id: 'x', bytes: 0 },
    { id: 'y', bytes: 25 },
  ])
})
