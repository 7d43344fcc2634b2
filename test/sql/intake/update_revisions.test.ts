import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, variant } from '../../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function counts(sql: Session) {
  const [row] = await sql`
    select (select revision::integer from onsale.catalogue) as catalogue,
      (select revision::integer from onsale.event_revisions order by event_id limit 1) as event`
  return row
}

const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`

check('a new event starts at one, and the catalogue moves', async (sql) => {
  expect(await counts(sql)).toEqual({ catalogue: 0, event: null })
  await apply(sql, delivery('products/create', product()))
  expect(await counts(sql)).toEqual({ catalogue: 1, event: 1 })
})

check('a sale moves the event and not the catalogue', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(sql, delivery('orders/create', order()))
  expect(await counts(sql)).toEqual({ catalogue: 1, event: 2 })
})

check('a batch moves each event once, whatever is in it', async (sql) => {
  await apply(sql, delivery('products/create', product()))
  await apply(
    sql,
    ...[1, 2, 3].map((id) => delivery('orders/create', order({ id }))),
    delivery('inventory_levels/update', level(50)),
    delivery('products/update', product({ title: 'Jazz Night', updated_at: at(0) })),
  )
  expect(await counts(sql)).toEqual({ catalogue: 2, event: 2 })
})

check('what nobody sees moves nothing', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('orders/create', order(), { id: 'o' }))
  await apply(sql, delivery('inventory_levels/update', level(99)))
  const before = await counts(sql)
  for (const unseen of [
    delivery('orders/create', order(), { id: 'o' }),
    delivery('orders/paid', order({ updated_at: at(1) })),
    delivery('orders/fulfilled', order({ updated_at: at(2), customer: { id: 9 } })),
    delivery('orders/create', order({ id: 7, updated_at: at(2), lines: [] })),
    delivery('orders/create', order({ id: 8, lines: [{ id: 1, variant_id: 99, quantity: 3 }] })),
    delivery(
      'products/update',
      product({ updated_at: at(3), variants: [variant({ inventory_quantity: 98 })] }),
    ),
    delivery('inventory_levels/update', level(5, { inventory_item_id: 77 })),
    delivery('inventory_items/update', { id: 1011, tracked: true, updated_at: at(4) }),
    delivery('customers/redact', { customer: { id: 7500 }, orders_to_redact: [] }),
    delivery('products/delete', { id: 3 }),
    delivery('themes/publish', {}),
  ]) {
    await apply(sql, unseen)
    expect([unseen.topic, await counts(sql)]).toEqual([unseen.topic, before])
  }
})

// Notifications are sent at commit, so these commit -------------------------------------------------------------

let database: TestDatabase
const heard: string[] = []
beforeAll(async () => {
  database = await testDatabase()
  await database.admin.listen('onsale_changes', (payload) => heard.push(payload))
})
afterAll(() => database.drop())

/** What one call of the service made everybody hear. */
async function payloadsOf(work: (sql: Session) => Promise<unknown>): Promise<string[]> {
  heard.length = 0
  await work(database.service)
  // A notification of our own behind them, on a channel that is heard in order.
  const mark = `mark ${performance.now()}`
  await database.admin`select pg_notify('onsale_changes', ${mark})`
  while (heard.at(-1) !== mark) await Bun.sleep(1)
  return heard.slice(0, -1)
}

test('one batch is one notification: what was edited, flipped or only counted, with its revision', async () => {
  const [one, two] = [11, 21].map((id, nth) =>
    delivery('products/create', product({ id: nth + 1, variants: [variant({ id, inventory_quantity: 2 })] })),
  )
  const made = await payloadsOf((sql) => apply(sql, one!, two!))
  expect(made).toHaveLength(1)
  const [catalogue, entries] = made[0]!.split(';')
  expect(catalogue).toBe('1')
  expect(entries!.split(',').sort()).toEqual(['1:1:e', '2:1:e'])

  const lines = (variant_id: number, quantity: number) => [{ id: 1, variant_id, quantity }]
  const sold = await payloadsOf((sql) =>
    apply(
      sql,
      delivery('orders/create', order({ id: 1, lines: lines(11, 1) })),
      delivery('orders/create', order({ id: 2, lines: lines(21, 2) })),
    ),
  )
  expect(sold).toHaveLength(1)
  expect(sold[0]!.split(';')[0]).toBe('0')
  expect(sold[0]!.split(';')[1]!.split(',').sort()).toEqual(['1:2:c', '2:2:f'])

  const mixed = await payloadsOf((sql) =>
    apply(
      sql,
      delivery('orders/create', order({ id: 3, lines: lines(11, 1) })),
      delivery(
        'products/update',
        product({
          id: 2,
          title: 'x',
          updated_at: at(1),
          variants: [variant({ id: 21, inventory_quantity: 2 })],
        }),
      ),
    ),
  )
  expect(mixed).toHaveLength(1)
  expect(mixed[0]!.split(';')[0]).toBe('2')
  expect(mixed[0]!.split(';')[1]!.split(',').sort()).toEqual(['1:3:f', '2:3:e'])
})

test('a batch that changes nothing visible is silent', async () => {
  const paid = delivery(
    'orders/paid',
    order({ id: 1, lines: [{ id: 1, variant_id: 11, quantity: 1 }], updated_at: at(9) }),
  )
  expect(await payloadsOf((sql) => apply(sql, paid))).toEqual([])
  expect(await payloadsOf((sql) => apply(sql, paid))).toEqual([])
})

test('a batch that is refused is silent', async () => {
  const refused = payloadsOf((sql) =>
    apply(
      sql,
      delivery('products/create', product({ id: 9, variants: [] })),
      delivery('orders/create', 'no'),
    ).catch(() => null),
  )
  expect(await refused).toEqual([])
})

test('many events in one batch stay within the 8000 bytes of a notification', async () => {
  const many = Array.from({ length: 400 }, (_, nth) =>
    delivery('products/create', product({ id: 1_000 + nth, variants: [] })),
  )
  const payloads = await payloadsOf((sql) => apply(sql, ...many))
  for (const payload of payloads) expect(payload.length).toBeLessThan(8_000)
  const entries = payloads.flatMap((payload) => payload.split(';')[1]!.split(','))
  expect(new Set(entries).size).toBe(400)
  expect(new Set(payloads.map((payload) => payload.split(';')[0]))).toEqual(new Set(['3']))
})

test('where too much changed, everything may have', async () => {
  const ids = await database.admin`select id::text from onsale.events limit 1`
  await database.admin`
    insert into onsale.events (title, status, currency) select 'x', 'draft', 'EUR' from generate_series(1, 3001)`
  const everything = await payloadsOf(
    () => database.admin`select api.update_revisions(array(select id from onsale.events), null, null)`,
  )
  expect(everything).toEqual(['*'])
  const one = await payloadsOf(
    () => database.admin`select api.update_revisions(null, null, ${`{${ids[0]!.id}}`}::text::bigint[])`,
  )
  expect(one).toEqual([`0;${ids[0]!.id}:5:c`])
  await expectVerified(database.admin)
})
