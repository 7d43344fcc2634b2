import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery, level, order, product } from '../../deliveries.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

/** An order at 12:00 of a ticket whose newest level is of 11:00. */
async function ordered(sql: TransactionSql, { levelAt = '2026-11-01T11:00:00Z', isConnected = true } = {}) {
  await sql`select from api.update_connection(${isConnected}::boolean)`
  await applyAt(sql, '2026-11-01T12:00:01Z', [
    delivery('products/create', product()),
    delivery('inventory_levels/update', level(100, { updated_at: levelAt })),
    delivery('orders/create', order({ at: '2026-11-01T12:00:00Z' })),
  ])
}
const place = async (sql: TransactionSql, time: string) =>
  (await sql`select api.place_level_looks(10, ${`2026-11-01T${time}Z`}::text::timestamptz) as count`)[0]
    ?.count
const looks = async (sql: TransactionSql) => [
  ...(await sql`select kind, subject, request, state from onsale.jobs order by id`),
]

check('an item that was ordered after its newest level is looked at once 30 s have passed', async (sql) => {
  await ordered(sql)
  expect(await place(sql, '12:00:29')).toBe(0)
  expect(await place(sql, '12:00:30')).toBe(1)
  expect(await looks(sql)).toEqual([
    { kind: 'look_level', subject: 'item 1011', request: { inventory_item_id: '1011' }, state: 'queued' },
  ])
})

check('a second call queues no second look, nor does one after the first was done', async (sql) => {
  await ordered(sql)
  await place(sql, '12:00:30')
  expect(await place(sql, '12:00:31')).toBe(0)
  await sql`update onsale.jobs set state = 'done', attempts = 1`
  expect(await place(sql, '12:05:00')).toBe(0)
})

check('a later order is looked at again', async (sql) => {
  await ordered(sql)
  await place(sql, '12:00:30')
  await sql`update onsale.jobs set state = 'done', attempts = 1`
  await applyAt(sql, '2026-11-01T12:02:00Z', [
    delivery('orders/create', order({ id: 501, at: '2026-11-01T12:02:00Z' })),
  ])
  expect(await place(sql, '12:02:30')).toBe(1)
})

check('an item whose level came with or after the order is not looked at', async (sql) => {
  await ordered(sql, { levelAt: '2026-11-01T11:59:58Z' })
  expect(await place(sql, '12:01:00')).toBe(0)
})

check('an item that the shop does not count, or an order of long ago, asks for nothing', async (sql) => {
  await ordered(sql)
  expect(await place(sql, '12:15:01')).toBe(0)
  await applyAt(sql, '2026-11-01T12:00:02Z', [
    delivery('inventory_items/update', { id: 1011, tracked: false, updated_at: '2026-11-01T11:00:00Z' }),
  ])
  expect(await place(sql, '12:01:00')).toBe(0)
})

check('where the shop cannot be asked nothing is queued', async (sql) => {
  await ordered(sql, { isConnected: false })
  expect(await place(sql, '12:01:00')).toBe(0)
})
