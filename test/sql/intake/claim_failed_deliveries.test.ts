import { expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery } from '../../deliveries.ts'
import { testDatabase } from '../../harness.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const bad = (id: string) => delivery('orders/create', '[1]', { id, at: '2026-11-01T10:00:00.000000009Z' })

async function claim(sql: Session, now: string, limit = 10) {
  const rows = await sql<{ id: string }[]>`
    select delivery_id as id from api.claim_failed_deliveries(${limit}, ${`2026-11-01T${now}Z`}::text::timestamptz)`
  return rows.map((row) => row.id).sort()
}

check('what is due is handed out with all it takes to apply it again', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:00Z', [bad('x')])
  const rows = await sql`select * from api.claim_failed_deliveries(10, '2026-11-01T10:00:10Z')`
  expect([...rows]).toEqual([
    {
      shop: 'demo.myshopify.com',
      delivery_id: 'x',
      topic: 'orders/create',
      triggered_ns: '1793527200000000009',
      event_id: null,
      api_version: '2026-10',
      body: btoa('[1]'),
    },
  ])
})

check('what is not due is not handed out, the longest due comes first', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:02Z', [bad('b')])
  await applyAt(sql, '2026-11-01T10:00:01Z', [bad('a')])
  await applyAt(sql, '2026-11-01T10:00:05Z', [bad('c')])
  expect(await claim(sql, '10:00:10.9')).toEqual([])
  expect(await claim(sql, '10:00:12', 1)).toEqual(['a'])
  expect(await claim(sql, '10:00:12')).toEqual(['b'])
})

check('what is claimed is leased for two minutes', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:00Z', [bad('x')])
  expect(await claim(sql, '10:00:10')).toEqual(['x'])
  expect(await claim(sql, '10:02:09.9')).toEqual([])
  expect(await claim(sql, '10:02:10')).toEqual(['x'])
})

check('a dead letter is not handed out any more', async (sql) => {
  for (const now of ['10:00:00', '10:00:10', '10:01:10', '10:07:10']) {
    expect(await applyAt(sql, `2026-11-01T${now}Z`, [bad('x')])).toMatchObject([{ outcome: 'failed' }])
  }
  expect(await claim(sql, '23:59:59')).toEqual([])
})

test('two claim at once: each delivery goes to one of them', async () => {
  const database = await testDatabase()
  try {
    await apply(database.service, ...Array.from({ length: 20 }, (_, nth) => bad(`d${nth}`)))
    const claimed = await Promise.all(
      [1, 2, 3, 4].map(
        () => database.service`
        select delivery_id as id from api.claim_failed_deliveries(10, clock_timestamp() + interval '1 hour')`,
      ),
    )
    const ids = claimed.flatMap((rows) => rows.map((row) => row.id))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toHaveLength(20)
  } finally {
    await database.drop()
  }
}, 20_000)

test('a claim under way is passed by, not waited for', async () => {
  const database = await testDatabase()
  try {
    await apply(database.service, bad('a'), bad('b'))
    const claimed = (sql: Session) => sql<{ id: string }[]>`
      select delivery_id as id from api.claim_failed_deliveries(1, clock_timestamp() + interval '1 hour')`
    await database.admin.begin(async (sql) => {
      const first = await claimed(sql)
      const second = await Promise.race([claimed(database.service), Bun.sleep(2_000).then(() => [])])
      expect([...first, ...second].map((row) => row.id).sort()).toEqual(['a', 'b'])
    })
  } finally {
    await database.drop()
  }
}, 20_000)
