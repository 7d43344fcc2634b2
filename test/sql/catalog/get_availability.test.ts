import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { apply, delivery, product } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Availability = {
  event_id: number
  as_of: string
  tickets: { state: string; available: number | null }[]
}

async function availabilityOf(
  sql: TransactionSql,
  ids: (number | null)[],
  { productIds = [], now = '2098-01-01T00:00:00Z' }: { productIds?: (number | null)[]; now?: string } = {},
): Promise<(Availability | null)[]> {
  const list = (values: (number | null)[]) => `{${values.map((value) => value ?? 'null').join(',')}}`
  const rows = await sql<{ body: Availability | null }[]>`
    select r.body
    from api.get_availability(
      p_event_ids => ${list(ids)}::text::bigint[],
      p_shopify_product_ids => ${list(productIds)}::text::bigint[],
      p_now => ${now}::text::timestamptz
    ) r`
  return rows.map(({ body }) => body)
}

async function stateOf(sql: TransactionSql, id: number, now?: string) {
  const [found] = await availabilityOf(sql, [id], now === undefined ? {} : { now })
  return found!.tickets.map((ticket) => ticket.state)
}

check('a batch is answered in its order, with null for what is not to be seen', async (sql) => {
  const first = await addEvent(sql)
  const second = await addEvent(sql, { status: 'unlisted' })
  const draft = await addEvent(sql, { status: 'draft' })
  await apply(sql, delivery('products/create', product({ id: 77 })))
  const found = await availabilityOf(sql, [second, 999_999_999, first, draft, first, null], {
    productIds: [null, null, null, null, null, 77],
  })
  expect(found.slice(0, 5).map((entry) => entry?.event_id ?? null)).toEqual([
    second,
    null,
    first,
    null,
    first,
  ])
  expect(found[5]!.tickets).toHaveLength(1)
  expect(Object.keys(found[0]!)).toEqual(['event_id', 'as_of', 'tickets'])
  expect(Object.keys(found[0]!.tickets[0]!)).toEqual([
    'ticket_id',
    'shopify_variant_id',
    'capacity',
    'sold',
    'held',
    'available',
    'state',
  ])
})

check('the state tells what a buyer can do', async (sql) => {
  const id = await addEvent(sql, {
    tickets: [
      { direct: { capacity: 5, sold: 4 } },
      { direct: { capacity: 5, sold: 5 } },
      { direct: { capacity: 5, sold: 3, held: 2 } },
      { direct: { capacity: null } },
      { direct: { capacity: 5, sold: 5 }, isOversellAllowed: true },
    ],
  })
  expect(await stateOf(sql, id)).toEqual([
    'available',
    'sold_out',
    'held_by_others',
    'unlimited',
    'available',
  ])
})

check('nothing is on sale outside its window or when the event is over', async (sql) => {
  const id = await addEvent(sql, {
    startsAt: '2098-06-01T19:00:00Z',
    tickets: [{ saleStartsAt: '2098-02-01T00:00:00Z', saleEndsAt: '2098-03-01T00:00:00Z' }, {}],
  })
  expect(await stateOf(sql, id, '2098-01-31T23:59:59Z')).toEqual(['not_on_sale', 'available'])
  expect(await stateOf(sql, id, '2098-02-01T00:00:00Z')).toEqual(['available', 'available'])
  expect(await stateOf(sql, id, '2098-03-01T00:00:00Z')).toEqual(['not_on_sale', 'available'])
  expect(await stateOf(sql, id, '2098-06-01T19:00:00Z')).toEqual(['not_on_sale', 'available'])
  expect(await stateOf(sql, id, '2098-06-01T19:00:01Z')).toEqual(['not_on_sale', 'not_on_sale'])
})
