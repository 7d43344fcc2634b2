import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { allotted, goOn, mirrored, queued as queuedMove } from '../../allotment.ts'
import { apply, delivery, level, order, product, stateOf, variant } from '../../deliveries.ts'
import { ordered, results, start } from '../../payments.ts'
import { change } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'
import { queued } from '../../writes.ts'

const check = scratchTests()

/** Two events with tickets, levels, and orders of each kind. */
async function fill(sql: Session) {
  await apply(
    sql,
    delivery('products/create', product({ variants: [variant(), variant({ id: 12 })] })),
    delivery('products/create', product({ id: 2, variants: [variant({ id: 21 })], status: 'draft' })),
    delivery('inventory_levels/update', level(40)),
    delivery('orders/create', order({ id: 1, lines: [{ id: 1, variant_id: 11, quantity: 2 }] })),
    delivery('orders/create', order({ id: 2, lines: [{ id: 1, variant_id: 12, quantity: 3 }] })),
    delivery(
      'orders/cancelled',
      order({ id: 3, lines: [{ id: 1, variant_id: 21, quantity: 4 }], cancelled_at: '2026-11-01T12:00:00Z' }),
    ),
    delivery('orders/delete', { id: 4 }),
  )
  const [row] = await sql<{ event: number; ticket: number }[]>`
    select event_id::integer as event, id::integer as ticket from onsale.tickets where shopify_variant_id = 11`
  await queued(sql, 'publish_event', row!)
  await queued(sql, 'publish_event', row!)
  await queued(sql, 'delete_ticket', row!)
}

const drift = async (sql: Session) =>
  (await sql`select kind, field, expected, actual from api.verify() order by kind, field`).map((row) => ({
    ...row,
  }))

check('an empty mirror is exact', async (sql) => {
  expect(await drift(sql)).toEqual([])
})

check('a mirror that was only written by deliveries is exact', async (sql) => {
  await fill(sql)
  expect(await drift(sql)).toEqual([])
})

/** What a hand can break, what verify must say of it, and whether update_stock can set it right from the facts. */
const damages: [
  name: string,
  damage: (sql: Session) => Promise<unknown>,
  says: object[],
  isRepaired: boolean,
][] = [
  [
    'sold raised by one',
    (sql) => sql`update onsale.stock set sold = sold + 1, capacity = capacity + 1 where base = 40`,
    [
      { kind: 'stock', field: 'capacity', expected: '40', actual: '41' },
      { kind: 'stock', field: 'sold', expected: '2', actual: '3' },
    ],
    true,
  ],
  [
    'capacity forgotten',
    (sql) => sql`update onsale.stock set capacity = null where base = 40`,
    [{ kind: 'stock', field: 'capacity', expected: '40', actual: null }],
    true,
  ],
  [
    'a base of another time',
    (sql) => sql`update onsale.stock set base_at = base_at + interval '1 second' where base = 40`,
    [{ kind: 'stock', field: 'base_at' }],
    true,
  ],
  [
    'base and taken that still add up',
    (sql) => sql`update onsale.stock set base = base + 1, taken = taken + 1 where base = 40`,
    [
      { kind: 'stock', field: 'base', expected: '40', actual: '41' },
      { kind: 'stock', field: 'taken', expected: '2', actual: '3' },
    ],
    true,
  ],
  [
    'a row of counters deleted',
    (sql) => sql`delete from onsale.stock where base = 40`,
    ['base', 'base_at', 'capacity', 'sold', 'taken'].map((field) => ({ kind: 'stock', field, actual: null })),
    true,
  ],
  [
    'a level changed behind our back',
    (sql) => sql`update onsale.inventory_levels set available = 7`,
    [
      { kind: 'stock', field: 'base', expected: '7', actual: '40' },
      { kind: 'stock', field: 'capacity' },
    ],
    true,
  ],
  [
    'an order line lost',
    (sql) => sql`delete from onsale.shopify_order_lines where order_id = 1`,
    ['capacity', 'sold', 'taken']
      .map((field) => ({ kind: 'stock', field }))
      .filter(({ field }) => field !== 'capacity'),
    true,
  ],
  [
    'an item untracked behind our back',
    (sql) => sql`
      insert into onsale.inventory_items (inventory_item_id, tracked) values (1011, false)
      on conflict (inventory_item_id) do update set tracked = false`,
    [{ kind: 'stock', field: 'capacity', expected: null, actual: '40' }],
    true,
  ],
  [
    'an event shown that is a draft',
    (sql) => sql`update onsale.events set status = 'active' where shopify_product_id = 2`,
    [{ kind: 'event', field: 'status', expected: 'draft', actual: 'active' }],
    true,
  ],
  [
    'a deletion forgotten',
    (sql) => sql`update onsale.shopify_products set deleted_at = '2026-11-02T00:00:00Z' where product_id = 1`,
    [{ kind: 'event', field: 'deleted_at', actual: null }],
    true,
  ],
  [
    'a ticket hidden',
    (sql) => sql`update onsale.tickets set is_removed = true where shopify_variant_id = 12`,
    [{ kind: 'ticket', field: 'is_removed', expected: 'false', actual: 'true' }],
    true,
  ],
  [
    'a revision lost',
    (sql) => sql`delete from onsale.event_revisions where event_id = (select min(id) from onsale.events)`,
    [{ kind: 'event', field: 'revision', actual: 'none' }],
    true,
  ],
  [
    'a job of an event that is not there',
    (sql) => sql`update onsale.jobs set event_id = 999999 where kind = 'delete_ticket'`,
    [
      { kind: 'job', field: 'event_id', expected: 'an event', actual: '999999' },
      { kind: 'job', field: 'ticket_id' },
    ],
    false,
  ],
  [
    "a job of another event's ticket",
    (sql) => sql`
      update onsale.jobs set ticket_id = (select id from onsale.tickets where shopify_variant_id = 21)
      where kind = 'delete_ticket'`,
    [{ kind: 'job', field: 'ticket_id', expected: 'a ticket of its event' }],
    false,
  ],
  [
    'a job in whose place nothing is done',
    (sql) => sql`update onsale.jobs set superseded_by = 999999 where superseded_by is not null`,
    [{ kind: 'job', field: 'superseded_by', actual: '999999' }],
    false,
  ],
  [
    'lines without their order',
    (sql) => sql`
      insert into onsale.shopify_order_lines (order_id, line_id, quantity, current_quantity, created_at)
      values (99, 1, 2, 2, now())`,
    [{ kind: 'order', field: 'lines', actual: '1' }],
    false,
  ],
  [
    'lines of a deleted order',
    (sql) => sql`
      insert into onsale.shopify_order_lines (order_id, line_id, quantity, current_quantity, created_at)
      values (4, 1, 2, 2, now())`,
    [{ kind: 'order', field: 'lines', actual: '1' }],
    false,
  ],
  [
    'a cancelled order that still wants something',
    (sql) => sql`update onsale.shopify_order_lines set current_quantity = 4 where order_id = 3`,
    [{ kind: 'order', field: 'current_quantity', actual: '4' }],
    false,
  ],
  [
    'a variant that points at the ticket of another',
    (sql) => sql`
      update onsale.shopify_variants set (event_id, ticket_id) =
        (select event_id, id from onsale.tickets where shopify_variant_id = 12) where variant_id = 21`,
    [
      { kind: 'ticket', field: 'event_id' },
      { kind: 'ticket', field: 'variant_id' },
    ],
    false,
  ],
  [
    'counters of a ticket that has no variant',
    (sql) => sql`
      with ticket as (
        insert into onsale.tickets (event_id, price_cents) select min(id), 0 from onsale.events returning event_id, id
      )
      insert into onsale.stock (event_id, ticket_id, channel, capacity, base, base_at, taken)
      select event_id, id, 'shopify', 0, 0, now(), 0 from ticket`,
    [{ kind: 'stock', field: 'channel' }],
    false,
  ],
]

for (const [name, damage, says, isRepaired] of damages) {
  check(
    `${name}: verify finds it${isRepaired ? ', update_stock sets it right, once' : ''}`,
    async (sql) => {
      await fill(sql)
      await damage(sql)
      const found = await drift(sql)
      for (const line of says) expect(found).toContainEqual(expect.objectContaining(line))
      expect(found.length).toBeGreaterThan(0)
      if (!isRepaired) return
      await sql`select from api.update_stock()`
      expect(await drift(sql)).toEqual([])
      const repaired = await stateOf(sql)
      const again = await sql`select row_count::integer as count from api.update_stock()`
      expect(again.map((row) => row.count)).toEqual([0, 0, 0])
      expect(await stateOf(sql)).toEqual(repaired)
    },
    { isVerified: false },
  )
}

const unfitPayments: [name: string, damage: (sql: Session) => Promise<unknown>, says: object][] = [
  [
    'an order that was paid and is not',
    (sql) => sql`update onsale.payments set status = 'SUCCESS'`,
    { kind: 'sale', field: 'status', actual: 'PENDING' },
  ],
  [
    'a payment of less than its order costs',
    (sql) => sql`update onsale.payments set amount_cents = amount_cents - 1`,
    { kind: 'sale', field: 'amount_cents', expected: '5000', actual: '4999' },
  ],
  [
    'a payment in another currency',
    (sql) => sql`update onsale.payments set currency = 'USD'`,
    { kind: 'sale', field: 'currency', expected: 'EUR', actual: 'USD' },
  ],
]
for (const [name, damage, says] of unfitPayments) {
  check(
    `${name}: verify finds it`,
    async (sql) => {
      const { event, order } = await ordered(sql)
      await start(sql, event, order)
      expect(await drift(sql)).toEqual([])
      await damage(sql)
      expect(await drift(sql)).toEqual([expect.objectContaining(says)])
    },
    { isVerified: false },
  )
}

check(
  'a payment without its order: verify finds it',
  async (sql) => {
    const { event, order } = await ordered(sql)
    await start(sql, event, order)
    await sql`update onsale.payments set order_id = 999999`
    expect(await drift(sql)).toEqual([
      { kind: 'sale', field: 'amount_cents', expected: null, actual: '5000' },
      { kind: 'sale', field: 'currency', expected: null, actual: 'EUR' },
    ])
  },
  { isVerified: false },
)

for (const status of ['REFUND_DUE', 'REFUNDED']) {
  check(
    `money of an order that is ${status} and that nobody owes or gave back: verify finds it`,
    async (sql) => {
      const { event, order } = await ordered(sql)
      const { payment_id: payment } = await start(sql, event, order)
      await results(sql, event, [{ payment, order }])
      await change(sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' })
      if (status === 'REFUNDED') await change(sql, event, [{ order, status }], { actor: 'admin' })
      expect(await drift(sql)).toEqual([])
      await sql`update onsale.payments set refunded_at = null`
      await sql`delete from onsale.jobs`
      expect(await drift(sql)).toEqual([
        {
          kind: 'sale',
          field: 'refund',
          expected: `a job, or money given back: its order is ${status}`,
          actual: 'neither',
        },
      ])
    },
    { isVerified: false },
  )
}

check(
  'money that went back and never came in: verify finds it',
  async (sql) => {
    const { event, order } = await ordered(sql)
    await start(sql, event, order)
    await sql`update onsale.payments set refunded_at = created_at`
    expect(await drift(sql)).toEqual([
      { kind: 'sale', field: 'status', expected: 'SUCCESS: its money was given back', actual: 'PENDING' },
    ])
  },
  { isVerified: false },
)

check(
  'it reads and never writes',
  async (sql) => {
    await fill(sql)
    await sql`set transaction read only`
    expect(await drift(sql)).toEqual([])
  },
  { isVerified: false },
)

check(
  'units that no move has brought are found, and a move that nobody ends',
  async (sql) => {
    const { ticket } = await mirrored(sql)
    await allotted(sql, ticket, 4)
    const job = await queuedMove(sql, ticket, 6)
    await goOn(sql, job)
    expect(await drift(sql)).toEqual([])
    await sql`update onsale.jobs set state = 'dead' where id = ${job}`
    const left = {
      kind: 'sale',
      field: 'allotment',
      actual: 'taking',
      expected: expect.stringContaining('ended'),
    }
    expect(await drift(sql)).toEqual([left])
    await sql`update onsale.stock set capacity = 5 where ticket_id = ${ticket} and channel = 'direct'`
    expect(await drift(sql)).toEqual([{ ...left, expected: '4', actual: '5' }, left])
  },
  { isVerified: false },
)
