import { expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { applyAll, delivery, order } from '../../deliveries.ts'
import { testDatabase } from '../../harness.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const good = (id: string, nth: number) => delivery('orders/create', order({ id: nth }), { id })
const bad = (id: string) => delivery('orders/create', { id: 1 }, { id })

async function reap(sql: Session, { limit = 100, now = '2026-11-10T00:00:00Z' } = {}) {
  const [row] = await sql`
    select r.id_count::integer as ids, r.body_count::integer as bodies, r.failed_count::integer as failed
    from api.reap_deliveries(
      p_ids_before => ${now}::text::timestamptz - interval '72 hours',
      p_failed_before => ${now}::text::timestamptz - interval '7 days',
      p_limit => ${limit},
      p_now => ${now}::text::timestamptz
    ) r`
  return row
}

const idsOf = async (sql: Session) =>
  (await sql`select delivery_id as id from onsale.deliveries order by 1`).map((row) => row.id)

check('ids go after their time, failed ones only with what is kept of them', async (sql) => {
  await applyAt(sql, '2026-11-06T23:59:59Z', [good('old', 1), bad('old bad')])
  await applyAt(sql, '2026-11-07T00:00:01Z', [good('new', 2), bad('new bad')])
  expect(await reap(sql)).toEqual({ ids: 1, bodies: 0, failed: 0 })
  expect(await idsOf(sql)).toEqual(['new', 'new bad', 'old bad'])
  expect(await reap(sql, { now: '2026-11-14T00:00:00Z' })).toEqual({ ids: 1, bodies: 0, failed: 1 })
  expect(await idsOf(sql)).toEqual(['new bad'])
  expect(await sql`select from onsale.failed_deliveries`).toHaveLength(1)
})

check('an age of failure is counted from the first one', async (sql) => {
  await applyAt(sql, '2026-11-01T00:00:00Z', [bad('x')])
  await applyAt(sql, '2026-11-08T23:00:00Z', [bad('x')])
  expect(await reap(sql)).toMatchObject({ failed: 1 })
})

check('bodies go after the hours that the settings say', async (sql) => {
  await sql`select api.update_settings('EUR', null, null, true, 24)`
  await applyAt(sql, '2026-11-08T23:59:59Z', [good('old', 1)])
  await applyAt(sql, '2026-11-09T00:00:01Z', [good('new', 2)])
  expect(await reap(sql)).toEqual({ ids: 0, bodies: 1, failed: 0 })
  expect([...(await sql`select delivery_id as id from onsale.delivery_bodies`)]).toEqual([{ id: 'new' }])
})

check('bodies that are not wanted any more go at once', async (sql) => {
  await sql`select api.update_settings('EUR', null, null, true, 24)`
  await applyAt(sql, '2026-11-09T23:59:59Z', [good('x', 1)])
  await sql`select api.update_settings('EUR', null, null, true, 0)`
  expect(await reap(sql)).toMatchObject({ bodies: 1 })
})

check('at most so many at once, the oldest first, and the caller repeats', async (sql) => {
  for (let day = 1; day <= 5; day++) {
    await applyAt(sql, `2026-11-0${day}T12:00:00Z`, [good(`a${day}`, day), good(`b${day}`, day + 10)])
  }
  expect(await reap(sql, { limit: 4 })).toMatchObject({ ids: 4 })
  expect(await idsOf(sql)).toEqual(['a3', 'a4', 'a5', 'b3', 'b4', 'b5'])
  expect(await reap(sql, { limit: 4 })).toMatchObject({ ids: 4 })
  expect(await reap(sql, { limit: 4 })).toMatchObject({ ids: 2 })
  expect(await reap(sql, { limit: 4 })).toEqual({ ids: 0, bodies: 0, failed: 0 })
})

check('a delivery repeated after its id was forgotten is stale and counts nothing', async (sql) => {
  await applyAt(sql, '2026-11-01T00:00:00Z', [good('x', 1)])
  await reap(sql)
  expect(await applyAt(sql, '2026-11-10T00:00:00Z', [good('x', 1)])).toMatchObject([{ outcome: 'stale' }])
})

test('what somebody holds is passed by, not waited for', async () => {
  const database = await testDatabase()
  try {
    await applyAll(database.service, [good('held', 1), good('free', 2), bad('held bad'), bad('free bad')])
    const later = new Date(Date.now() + 30 * 24 * 3_600_000).toISOString()
    await database.admin.begin(async (sql) => {
      await sql`select from onsale.deliveries where delivery_id = 'held' for update`
      await sql`select from onsale.failed_deliveries where delivery_id = 'held bad' for update`
      const reaped = reap(database.service, { now: later })
      expect(await Promise.race([reaped, Bun.sleep(2_000)])).toEqual({ ids: 1, bodies: 0, failed: 1 })
    })
    expect(await idsOf(database.admin)).toEqual(['held', 'held bad'])
  } finally {
    await database.drop()
  }
}, 20_000)
