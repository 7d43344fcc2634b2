import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stateOf, stockOf, variant } from '../../deliveries.ts'
import { backCounters } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

// What verify finds is set right in verify.test.ts, damage by damage; here is what the repair itself says and does.

const check = scratchTests()

const fill = (sql: Session) =>
  apply(
    sql,
    delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })),
    delivery('inventory_levels/update', level(40)),
    delivery('orders/create', order()),
  )

const repair = async (sql: Session, now = '2026-11-05T00:00:00Z') =>
  Object.fromEntries(
    (
      await sql`select kind, row_count::integer as count from api.update_stock(${now}::text::timestamptz)`
    ).map((row) => [row.kind, row.count]),
  )

check('where all is exact it writes nothing', async (sql) => {
  await fill(sql)
  const rows = () => sql`
    select 's', ticket_id, xmin::text, ctid::text from onsale.stock union all
    select 'e', id, xmin::text, ctid::text from onsale.events union all
    select 'r', event_id, xmin::text, ctid::text from onsale.event_revisions union all
    select 'c', 1, xmin::text, ctid::text from onsale.catalogue`
  const before = [...(await rows())]
  expect(await repair(sql)).toEqual({ event: 0, ticket: 0, stock: 0 })
  expect([...(await rows())]).toEqual(before)
})

check('it says how many rows of each kind it set, and they are as before', async (sql) => {
  await fill(sql)
  const before = await stateOf(sql)
  await sql`update onsale.stock set sold = 9, taken = 5, capacity = base - 5 + 9`
  await sql`update onsale.events set status = 'draft'`
  await sql`update onsale.tickets set is_removed = true where shopify_variant_id = 12`
  expect(await repair(sql)).toEqual({ event: 1, ticket: 1, stock: 2 })
  expect(await stateOf(sql)).toEqual(before)
})

check('what it sets is an edit and a change that everybody hears of', async (sql) => {
  await fill(sql)
  await sql`update onsale.events set status = 'draft'`
  const [before] = await sql`
    select e.version, r.revision::integer, c.revision::integer as catalogue
    from onsale.events e join onsale.event_revisions r on r.event_id = e.id, onsale.catalogue c`
  await repair(sql)
  const [after] = await sql`
    select e.version, e.updated_at, r.revision::integer, c.revision::integer as catalogue
    from onsale.events e join onsale.event_revisions r on r.event_id = e.id, onsale.catalogue c`
  expect(after).toEqual({
    version: before?.version + 1,
    updated_at: new Date('2026-11-05T00:00:00Z'),
    revision: before?.revision + 1,
    catalogue: before?.catalogue + 1,
  })
})

check('the direct channel is no mirror: its counters are left alone', async (sql) => {
  await fill(sql)
  await sql`
    insert into onsale.stock (event_id, ticket_id, channel, capacity, held, sold)
    select event_id, ticket_id, 'direct', 9, 2, 3 from onsale.stock`
  await backCounters(sql)
  await sql`update onsale.stock set sold = 9, capacity = base - taken + 9 where channel = 'shopify'`
  await repair(sql)
  const rows =
    await sql`select capacity::integer, held::integer, sold::integer from onsale.stock where channel = 'direct'`
  expect([...rows]).toEqual(Array(2).fill({ capacity: 9, held: 2, sold: 3 }))
  expect(await stockOf(sql)).toMatchObject({ sold: 1 })
})
