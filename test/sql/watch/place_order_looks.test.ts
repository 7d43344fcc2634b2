import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { delivery } from '../../deliveries.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const now = '2026-11-01T12:00:00Z'
const edited = (orderId: unknown, id?: string) =>
  delivery('orders/edited', { order_edit: { id: 1, order_id: orderId } }, id === undefined ? {} : { id })
const refunded = (orderId: unknown) => delivery('refunds/create', { id: 9, order_id: orderId })
const connect = (sql: TransactionSql, isConnected = true) =>
  sql`select from api.update_connection(${isConnected}::boolean)`
const looks = async (sql: TransactionSql) => [
  ...(await sql`select kind, subject, request, next_attempt_at from onsale.jobs order by id`),
]

check('an edit and a refund of one order are one look, due a moment later', async (sql) => {
  await connect(sql)
  const results = await applyAt(sql, now, [edited(500), refunded(500), refunded('9007199254740993001')])
  expect(results.map(({ outcome }) => outcome)).toEqual(['ignored', 'ignored', 'ignored'])
  const due = new Date('2026-11-01T12:00:10Z')
  expect(await looks(sql)).toEqual([
    { kind: 'look_order', subject: 'order 500', request: { order_id: '500' }, next_attempt_at: due },
    {
      kind: 'look_order',
      subject: 'order 9007199254740993001',
      request: { order_id: '9007199254740993001' },
      next_attempt_at: due,
    },
  ])
})

check('what was told before asks for no second look', async (sql) => {
  await connect(sql)
  await applyAt(sql, now, [edited(500, 'one')])
  await sql`update onsale.jobs set state = 'done', attempts = 1`
  await applyAt(sql, now, [edited(500, 'one')])
  expect(await looks(sql)).toHaveLength(1)
})

check('beside a look that has begun another one waits: the first may have read too early', async (sql) => {
  await connect(sql)
  await applyAt(sql, now, [refunded(500)])
  await sql`update onsale.jobs set state = 'running', attempts = 1`
  await applyAt(sql, now, [edited(500)])
  await applyAt(sql, now, [edited(500)])
  expect(await looks(sql)).toHaveLength(2)
})

check('a body that names no order asks for nothing', async (sql) => {
  await connect(sql)
  await applyAt(sql, now, [edited(null), refunded('x'), refunded({}), delivery('refunds/create', '[1]')])
  expect(await looks(sql)).toEqual([])
})

check('where the shop cannot be asked nothing is queued', async (sql) => {
  await connect(sql, false)
  await applyAt(sql, now, [edited(500)])
  expect(await looks(sql)).toEqual([])
})
