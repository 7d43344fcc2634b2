import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, order, product, stockOf } from '../../deliveries.ts'
import { expectAnyOrder, scratchTests } from '../../scratch.ts'

const check = scratchTests()

// order() of id n is of customer 7000 + n.
const redact = (customer: number | null, orders: number[] = [], rest: { id?: string } = {}) =>
  delivery(
    'customers/redact',
    {
      shop_domain: 'demo.myshopify.com',
      ...(customer === null ? {} : { customer: { id: customer, email: 'ada@example.com' } }),
      orders_to_redact: orders,
    },
    rest,
  )
const keepBodies = (sql: Session) => sql`select api.update_settings('EUR', null, null, true, 24)`
const customersOf = async (sql: Session) =>
  (await sql`select customer_id::integer as id from onsale.shopify_orders order by order_id`).map(
    (row) => row.id,
  )
const bodiesOf = async (sql: Session) =>
  (await sql`select delivery_id as id from onsale.delivery_bodies order by 1`).map((row) => row.id)
const failedBodiesOf = async (sql: Session) =>
  (
    await sql`select delivery_id as id, convert_from(body, 'UTF8') as body from onsale.failed_deliveries order by 1`
  ).map(({ id, body }) => [id, body])

check('a redacted customer is gone from all his orders, which still count', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(
    sql,
    delivery('orders/create', order({ id: 1, customer: { id: 8 } })),
    delivery('orders/create', order({ id: 2, customer: { id: 8 } })),
    delivery('orders/create', order({ id: 3, customer: { id: 9 } })),
  )
  expect(await apply(sql, redact(8))).toEqual(['applied'])
  expect(await customersOf(sql)).toEqual([null, null, 9])
  expect(await stockOf(sql)).toMatchObject({ sold: 3 })
})

check('orders to redact lose their customer although he is not named', async (sql) => {
  await apply(sql, delivery('orders/create', order({ id: 1 })), delivery('orders/create', order({ id: 2 })))
  expect(await apply(sql, redact(null, [2]))).toEqual(['applied'])
  expect(await customersOf(sql)).toEqual([7001, null])
})

check('kept bodies that name the customer or the order go, the others stay', async (sql) => {
  await keepBodies(sql)
  await apply(
    sql,
    delivery('orders/create', order({ id: 1, customer: { id: 8 } }), { id: 'his' }),
    delivery('orders/create', order({ id: 22, customer: null }), { id: 'his order' }),
    delivery('orders/create', order({ id: 81, customer: { id: 88 } }), { id: 'other' }),
    delivery('products/create', product({ id: 80 }), { id: 'product' }),
  )
  await apply(sql, redact(8, [22]))
  expect(await bodiesOf(sql)).toEqual(['other', 'product'])
})

check('the bytes of failed deliveries that name him go, their failure stays visible', async (sql) => {
  await apply(
    sql,
    delivery('orders/create', { id: 1, customer: { id: 8, email: 'ada@example.com' } }, { id: 'his' }),
    delivery('orders/create', { id: 2, customer: { id: 9 } }, { id: 'other' }),
  )
  await apply(sql, redact(8))
  expect(await failedBodiesOf(sql)).toEqual([
    ['his', ''],
    ['other', '{"id":2,"customer":{"id":9}}'],
  ])
  const [row] = await sql`select is_dead, reason from onsale.failed_deliveries where delivery_id = 'his'`
  expect(row).toEqual({
    is_dead: true,
    reason: 'Body erased at a privacy request; before: Order has no created_at',
  })
})

check('shop/redact forgets every customer of the shop, and its bodies, and no other shop', async (sql) => {
  await keepBodies(sql)
  await apply(
    sql,
    delivery('orders/create', order({ id: 1 }), { id: 'a' }),
    delivery('orders/create', order({ id: 2 }), { id: 'b', shop: 'other.myshopify.com' }),
    delivery('orders/create', { id: 3 }, { id: 'c' }),
  )
  expect(
    await apply(sql, delivery('shop/redact', { shop_id: 1, shop_domain: 'demo.myshopify.com' })),
  ).toEqual(['applied'])
  expect(await customersOf(sql)).toEqual([null, 7002])
  expect(await bodiesOf(sql)).toEqual(['b'])
  expect(await failedBodiesOf(sql)).toEqual([['c', '']])
})

check('a data request tells whether there is anything, and changes nothing', async (sql) => {
  await apply(sql, delivery('orders/create', order({ id: 1, customer: { id: 8 } })))
  const request = (id: number) => delivery('customers/data_request', { customer: { id } })
  expect(await apply(sql, request(8), request(9))).toEqual(['applied', 'ignored'])
  expect(await customersOf(sql)).toEqual([8])
})

check('a request that names nobody is kept as failed', async (sql) => {
  expect(await apply(sql, delivery('customers/redact', { shop_domain: 'x' }))).toEqual(['failed'])
})

// Twice --------------------------------------------------------------------------------------------------------

check('the same request again changes nothing', async (sql) => {
  await apply(sql, delivery('orders/create', order({ id: 1, customer: { id: 8 } })))
  expect(await apply(sql, redact(8, [1], { id: 'r' }))).toEqual(['applied'])
  expect(await apply(sql, redact(8, [1], { id: 'r' }), redact(8, [1]))).toEqual(['duplicate', 'applied'])
  expect(await sql`select from onsale.redactions`).toHaveLength(2)
})

check('request and order in one batch: the customer is not stored', async (sql) => {
  await apply(sql, delivery('orders/create', order({ id: 1, customer: { id: 8 } })), redact(8))
  expect(await customersOf(sql)).toEqual([null])
})

// Late ---------------------------------------------------------------------------------------------------------

check('late order does not bring a redacted customer back', async (sql) => {
  await expectAnyOrder(sql, [
    redact(8),
    redact(null, [2]),
    delivery('orders/create', order({ id: 1, customer: { id: 8 } })),
    delivery('orders/create', order({ id: 2, customer: { id: 9 } })),
  ])
  await apply(sql, redact(8), delivery('orders/create', order({ id: 1, customer: { id: 8 } })))
  expect(await customersOf(sql)).toEqual([null])
  await apply(
    sql,
    delivery('orders/updated', order({ id: 1, customer: { id: 8 }, updated_at: '2026-12-01T12:00:00Z' })),
  )
  expect(await customersOf(sql)).toEqual([null])
})

check('late order does not bring the customers of a redacted shop back', async (sql) => {
  const state = await expectAnyOrder(sql, [
    delivery('orders/create', order({ id: 1 })),
    delivery('shop/redact', { shop_id: 1 }),
  ])
  expect(state.orders).toMatchObject([{ customer_id: null }])
})

check('late bytes of a redacted customer are not kept', async (sql) => {
  await keepBodies(sql)
  await apply(sql, redact(8, [22]))
  await apply(
    sql,
    delivery('orders/create', order({ id: 1, customer: { id: 8, email: 'ada@example.com' } }), { id: 'his' }),
    delivery('orders/create', order({ id: 22, customer: null }), { id: 'his order' }),
    delivery('orders/create', { id: 3, customer: { id: 8, email: 'ada@example.com' } }, { id: 'faulty' }),
    delivery('orders/create', order({ id: 4 }), { id: 'other' }),
  )
  expect(await bodiesOf(sql)).toEqual(['other'])
  expect(await failedBodiesOf(sql)).toEqual([['faulty', '']])
})

check('nothing at all of a redacted customer is left in any table', async (sql) => {
  await keepBodies(sql)
  const marks = ['ada@example.com', 'Lovelace', 'Elm Street 1']
  const his = {
    customer: { id: 8_888_888_888, email: marks[0], last_name: marks[1] },
    billing_address: { address1: marks[2] },
    email: marks[0],
  }
  await apply(
    sql,
    delivery('orders/create', order({ id: 1, ...his })),
    delivery('orders/create', { id: 2, ...his }),
    delivery('customers/data_request', { customer: { id: 8_888_888_888, email: marks[0] } }),
  )
  await apply(
    sql,
    delivery('customers/redact', { customer: { id: 8_888_888_888, email: marks[0] }, orders_to_redact: [1] }),
  )
  await apply(sql, delivery('orders/updated', order({ id: 1, ...his, updated_at: '2026-12-01T00:00:00Z' })))
  const tables = await sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'onsale' and c.relkind = 'r'`
  for (const { name } of tables) {
    const rows = await sql`select to_jsonb(t)::text as row from onsale.${sql(name)} t`
    // Bytes are shown as hexadecimal.
    const hex = marks.map((mark) => Buffer.from(mark).toString('hex'))
    for (const { row } of rows) {
      for (const mark of [...marks, ...hex]) expect(row).not.toContain(mark)
      if (name !== 'redactions') expect(row).not.toContain('8888888888')
    }
  }
})
