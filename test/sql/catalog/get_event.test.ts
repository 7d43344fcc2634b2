import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, addTicket, tell } from '../../catalog.ts'
import { apply, delivery, level, order, product, variant } from '../../deliveries.ts'
import { backCounters } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

type Json = Record<string, unknown> & { tickets: Record<string, unknown>[] }

async function getEvent(sql: TransactionSql, id: number | null, productId: number | null = null) {
  const [row] = await sql<
    {
      body: string | null
      event_ids: string[]
      revisions: string[]
      catalogue_revision: string
      as_of: Date
    }[]
  >`
    select r.body::text, r.event_ids, r.revisions, r.catalogue_revision, r.as_of
    from api.get_event(p_event_id => ${id}::bigint, p_shopify_product_id => ${productId}::bigint) r`
  return { ...row!, json: row!.body === null ? null : (JSON.parse(row!.body) as Json), text: row!.body }
}

check('an event of Shopify has the fields of the contract, in its order, with its tickets', async (sql) => {
  await apply(
    sql,
    delivery(
      'products/create',
      product({
        metafields: [
          { namespace: 'onsale', key: 'starts_at', value: '2098-12-01T19:00:00.123Z' },
          {
            namespace: 'onsale',
            key: 'venue',
            value: '{"name": "Harbour Hall", "city": "Hamburg", "country": "DE"}',
          },
          { namespace: 'custom', key: 'age', value: '18' },
        ],
      }),
    ),
    delivery('inventory_levels/update', level(120)),
    delivery('orders/create', order({ created_at: '2026-11-01T09:00:00Z' })),
  )
  const { json, text, event_ids, revisions } = await getEvent(sql, null, 1)
  expect(Object.keys(json!)).toEqual([
    'id',
    'shopify_product_id',
    'title',
    'subtitle',
    'category',
    'status',
    'starts_at',
    'ends_at',
    'venue',
    'images',
    'currency',
    'price_from_cents',
    'available',
    'sold',
    'capacity',
    'sold_out',
    'channels',
    'version',
    'revision',
    'updated_at',
    'description',
    'metafields',
    'per_user_limit',
    'pending_changes',
    'tickets',
  ])
  expect(json).toMatchObject({
    shopify_product_id: '1',
    title: 'Rock Night',
    category: 'concert',
    starts_at: '2098-12-01T19:00:00.123Z',
    ends_at: null,
    venue: { name: 'Harbour Hall', city: 'Hamburg' },
    available: 120,
    sold: 1,
    capacity: 121,
    sold_out: false,
    channels: { shopify: { available: 120 }, direct: null },
    metafields: { 'custom.age': '18' },
    per_user_limit: 2,
  })
  expect(event_ids).toEqual([String(json!.id)])
  expect(revisions).toEqual([String(json!.revision)])
  expect(Object.keys(json!.tickets[0]!)).toEqual([
    'id',
    'event_id',
    'shopify_variant_id',
    'sku',
    'name',
    'ticket_type',
    'price_cents',
    'compare_at_price_cents',
    'currency',
    'is_visible',
    'position',
    'sale_starts_at',
    'sale_ends_at',
    'features',
    'restrictions',
    'capacity',
    'sold',
    'held',
    'available',
    'channels',
    'oversell_allowed',
    'checkout_url',
    'version',
    'updated_at',
  ])
  const variantId = (variant() as { id: number }).id
  expect(json!.tickets[0]).toMatchObject({
    shopify_variant_id: String(variantId),
    capacity: 121,
    sold: 1,
    held: 0,
    available: 120,
    channels: { shopify: { capacity: 121, sold: 1, held: 0, available: 120 }, direct: null },
    checkout_url: `https://demo.myshopify.com/cart/${variantId}:1`,
  })
  // Compact: every byte is sent ten thousand times.
  expect(text).toStartWith('{"id":')
})

check('a ticket without a name goes by the title of its event', async (sql) => {
  const id = await addEvent(sql, { title: 'Solo', tickets: [{ name: null }] })
  expect((await getEvent(sql, id)).json!.tickets[0]!.name).toBe('Solo')
})

check('both channels are summed, and what is oversold shows as 0', async (sql) => {
  await apply(sql, delivery('products/create', product()), delivery('inventory_levels/update', level(-5)))
  const { json } = await getEvent(sql, null, 1)
  const ticketId = json!.tickets[0]!.id as number
  await sql`
    insert into onsale.stock (event_id, ticket_id, channel, capacity, sold, held)
    values (${json!.id as number}, ${ticketId}, 'direct', 30, 4, 6)`
  await backCounters(sql)
  const both = (await getEvent(sql, null, 1)).json!
  expect(both).toMatchObject({
    available: 20,
    sold: 4,
    sold_out: false,
    channels: { shopify: { available: 0 }, direct: { available: 20 } },
  })
  expect(both.tickets[0]).toMatchObject({ available: 20, held: 6 })
})

check('an event without visible tickets has none left, and is not sold out', async (sql) => {
  const id = await addEvent(sql, { tickets: [{ isVisible: false }, { isRemoved: true }] })
  expect((await getEvent(sql, id)).json).toMatchObject({
    tickets: [],
    available: 0,
    capacity: 0,
    sold: 0,
    price_from_cents: null,
    sold_out: false,
    channels: { shopify: null, direct: null },
  })
})

check('one unlimited ticket makes the event unlimited', async (sql) => {
  const id = await addEvent(sql, { tickets: [{ direct: { capacity: null, sold: 3 } }, {}] })
  const { json } = await getEvent(sql, id)
  expect(json).toMatchObject({ available: null, capacity: null, sold: 3, sold_out: false })
  expect(json!.channels).toEqual({ shopify: null, direct: { available: null } })
  expect(json!.tickets[0]).toMatchObject({ available: null, capacity: null })
})

check('sold out is an event where no ticket has anything left or may be oversold', async (sql) => {
  const gone = { direct: { capacity: 5, sold: 5 } }
  const soldOut = await addEvent(sql, { tickets: [gone, gone] })
  expect((await getEvent(sql, soldOut)).json!.sold_out).toBe(true)
  const oversold = await addEvent(sql, { tickets: [gone, { ...gone, isOversellAllowed: true }] })
  expect((await getEvent(sql, oversold)).json!.sold_out).toBe(false)
  const held = await addEvent(sql, { tickets: [{ direct: { capacity: 5, held: 5 } }] })
  expect((await getEvent(sql, held)).json!.sold_out).toBe(true)
})

check('tickets come by position, then by id', async (sql) => {
  const id = await addEvent(sql, { tickets: [] })
  const third = await addTicket(sql, id, { position: 2 })
  const first = await addTicket(sql, id, { position: 1 })
  const second = await addTicket(sql, id, { position: 1 })
  expect((await getEvent(sql, id)).json!.tickets.map((ticket) => ticket.id)).toEqual([first, second, third])
})

check('an unlisted event can be opened; a draft, an archived and a deleted one cannot', async (sql) => {
  const unlisted = await addEvent(sql, { status: 'unlisted' })
  expect((await getEvent(sql, unlisted)).json!.status).toBe('unlisted')
  for (const hidden of [
    await addEvent(sql, { status: 'draft' }),
    await addEvent(sql, { status: 'archived' }),
    await addEvent(sql, { deletedAt: '2026-01-01' }),
    4_711_000_000,
  ]) {
    const { body, event_ids, revisions } = await getEvent(sql, hidden)
    expect({ body, event_ids, revisions }).toEqual({ body: null, event_ids: [], revisions: [] })
  }
})

check('every change raises the revision it tells, and an edit the catalogue too', async (sql) => {
  const id = await addEvent(sql)
  const before = await getEvent(sql, id)
  await tell(sql, { changed: [id] })
  const counted = await getEvent(sql, id)
  expect(Number(counted.revisions[0])).toBe(Number(before.revisions[0]) + 1)
  expect(counted.catalogue_revision).toBe(before.catalogue_revision)
  await tell(sql, { edited: [id] })
  expect(Number((await getEvent(sql, id)).catalogue_revision)).toBe(Number(before.catalogue_revision) + 1)
})

check('a venue that is no object, and images that are none, do no harm', async (sql) => {
  const id = await addEvent(sql, { venue: ['not', 'an', 'object'] })
  expect((await getEvent(sql, id)).json!.venue).toBeNull()
})
