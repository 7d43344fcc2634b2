import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../../deliveries.ts'
import { applyAt, expectAnyOrder, scratchTests } from '../../scratch.ts'

const check = scratchTests()

const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`
const update = (second: number, rest: Record<string, unknown> = {}) =>
  delivery('products/update', product({ updated_at: at(second), ...rest }))
const field = (key: string, value: string, namespace = 'onsale') => ({ namespace, key, value, type: 'text' })

async function eventOf(sql: Session, productId = 1) {
  const [row] = await sql`select e.* from onsale.events e where e.shopify_product_id = ${productId}`
  return row as Record<string, unknown>
}

check('a product is an event, field by field', async (sql) => {
  await apply(sql, {
    ...delivery(
      'products/create',
      product({
        title: 'Nuit blanche',
        product_type: ' Concert ',
        status: 'active',
        tags: 'live, Open Air ,',
        images: [
          { position: 2, src: 'https://x/2.jpg', alt: null, width: 20, height: 10 },
          { position: 1, src: 'https://x/1.jpg', alt: 'Stage', width: 40, height: 30 },
        ],
        metafields: [
          field('subtitle', 'With strings'),
          field('starts_at', '2026-12-01T19:00:00+01:00'),
          field('ends_at', '2026-12-01T22:00:00Z'),
          field('venue', '{"name":"Hall","city":"Köln"}'),
          field('per_user_limit', '4'),
          field('artist', 'Foxes', 'custom'),
        ],
      }),
    ),
    description: '<p>Sanitised</p>',
  })
  expect(await eventOf(sql)).toMatchObject({
    shopify_product_id: '1',
    shop: 'demo.myshopify.com',
    title: 'Nuit blanche',
    subtitle: 'With strings',
    description: '<p>Sanitised</p>',
    category: 'concert',
    status: 'active',
    starts_at: new Date('2026-12-01T18:00:00Z'),
    ends_at: new Date('2026-12-01T22:00:00Z'),
    venue: { name: 'Hall', city: 'Köln' },
    images: [
      { url: 'https://x/1.jpg', alt: 'Stage', width: 40, height: 30 },
      { url: 'https://x/2.jpg', alt: null, width: 20, height: 10 },
    ],
    metafields: { 'custom.artist': 'Foxes' },
    per_user_limit: 4,
    currency: 'EUR',
    deleted_at: null,
    version: 1,
  })
})

check('the least a product can be: nothing but id, title and an empty list of variants', async (sql) => {
  expect(await apply(sql, delivery('products/create', { id: 1, title: 'Bare', variants: [] }))).toEqual([
    'applied',
  ])
  expect(await eventOf(sql)).toMatchObject({
    title: 'Bare',
    category: null,
    status: 'active',
    images: [],
    metafields: {},
    per_user_limit: 2,
  })
})

check('an empty product_type and null texts are null, not empty', async (sql) => {
  await apply(sql, update(0, { product_type: '  ', body_html: null, tags: null, images: null }))
  expect(await eventOf(sql)).toMatchObject({ category: null, description: null, images: [] })
})

check('a mistyped metafield is left out and does not keep the product out', async (sql) => {
  await apply(
    sql,
    update(0, {
      metafields: [
        field('starts_at', 'next Friday'),
        field('ends_at', '2026-13-45T99:00:00+99:00'),
        field('venue', '1e999999'),
        field('per_user_limit', '-3'),
        field('subtitle', ''),
      ],
    }),
  )
  expect(await eventOf(sql)).toMatchObject({ starts_at: null, ends_at: null, venue: null, per_user_limit: 2 })
})

check('metafields that name no offset are UTC, wherever the server stands', async (sql) => {
  await sql`set local timezone = 'America/New_York'`
  await apply(
    sql,
    update(0, { metafields: [field('starts_at', '2026-12-01T19:00'), field('ends_at', '2026-12-02')] }),
  )
  expect(await eventOf(sql)).toMatchObject({
    starts_at: new Date('2026-12-01T19:00:00Z'),
    ends_at: new Date('2026-12-02T00:00:00Z'),
  })
})

check('a body without metafields leaves them alone, an empty list clears them', async (sql) => {
  await apply(sql, update(0, { metafields: [field('subtitle', 'With strings'), field('a', 'b', 'custom')] }))
  await apply(sql, update(1, { title: 'Other' }))
  expect(await eventOf(sql)).toMatchObject({
    title: 'Other',
    subtitle: 'With strings',
    metafields: { 'custom.a': 'b' },
  })
  await apply(sql, update(2, { metafields: [] }))
  expect(await eventOf(sql)).toMatchObject({ subtitle: null, metafields: {} })
})

check('metafields of an older body fill in where the newer body had none', async (sql) => {
  const state = await expectAnyOrder(sql, [
    update(1, { metafields: [field('subtitle', 'first')] }),
    update(2, { metafields: [field('subtitle', 'second')] }),
    update(3, { title: 'Newest' }),
  ])
  expect(state.events).toMatchObject([{ title: 'Newest', subtitle: 'second' }])
})

check('a newer version is an edit, the same again is not', async (sql) => {
  await apply(sql, update(0))
  expect(await apply(sql, update(1, { title: 'Jazz Night' }))).toEqual(['applied'])
  expect(await eventOf(sql)).toMatchObject({ title: 'Jazz Night', version: 2 })
  // Shopify sends products/update at every sale: nothing but the stamp and the total has changed.
  expect(
    await apply(sql, update(2, { title: 'Jazz Night', variants: [variant({ inventory_quantity: 99 })] })),
  ).toEqual(['applied'])
  expect(await eventOf(sql)).toMatchObject({ version: 2 })
  const [catalogue] = await sql`select revision::integer from onsale.catalogue`
  expect(catalogue).toEqual({ revision: 2 })
})

check('an edit is dated by when it was taken in', async (sql) => {
  await applyAt(sql, '2026-11-05T10:00:00Z', [update(0)])
  await applyAt(sql, '2026-11-06T10:00:00Z', [update(1, { title: 'Jazz Night' })])
  expect(await eventOf(sql)).toMatchObject({
    created_at: new Date('2026-11-05T10:00:00Z'),
    updated_at: new Date('2026-11-06T10:00:00Z'),
  })
})

for (const status of ['active', 'draft', 'archived', 'unlisted', 'ACTIVE'] as const) {
  check(`a product that is ${status} is an event that is ${status.toLowerCase()}`, async (sql) => {
    await apply(sql, update(0, { status }))
    expect(await eventOf(sql)).toMatchObject({ status: status.toLowerCase() })
  })
}

check('late update does not undo a newer one', async (sql) => {
  await apply(sql, update(5, { title: 'New', status: 'draft' }))
  expect(await apply(sql, update(4, { title: 'Old' }))).toEqual(['stale'])
  expect(await eventOf(sql)).toMatchObject({ title: 'New', status: 'draft', version: 1 })
})

check('a deleted product stays deleted, whatever comes later', async (sql) => {
  await apply(sql, update(0))
  expect(await apply(sql, delivery('products/delete', { id: 1 }, { at: at(1) }))).toEqual(['applied'])
  await apply(sql, update(9, { title: 'Back?' }))
  const event = await eventOf(sql)
  expect(event.deleted_at).not.toBeNull()
  expect(await apply(sql, delivery('products/delete', { id: 1 }, { at: at(1) }))).toEqual(['stale'])
})

check('a product deleted before it was known is deleted when it comes', async (sql) => {
  await apply(sql, delivery('products/delete', { id: 1 }, { at: at(1) }))
  expect(await eventOf(sql)).toBeUndefined()
  await apply(sql, update(0))
  expect((await eventOf(sql)).deleted_at).toEqual(new Date('2026-11-01T11:00:01Z'))
})

check('created, updated, deleted and deleted again in any order end in the same event', async (sql) => {
  await expectAnyOrder(sql, [
    update(0, { metafields: [field('subtitle', 'x')] }),
    update(2, { title: 'Jazz Night' }),
    delivery('products/delete', { id: 1 }, { at: at(1), id: 'd1' }),
    delivery('products/delete', { id: 1 }, { id: 'd2' }),
  ])
})

check('orders of a deleted product still count', async (sql) => {
  await apply(sql, update(0), delivery('products/delete', { id: 1 }))
  await apply(
    sql,
    delivery('orders/create', order()),
    delivery('inventory_levels/update', level(5, { updated_at: at(0) })),
  )
  expect(await stockOf(sql)).toMatchObject({ sold: 1, available: 5 })
})

check('the tag narrows which products are events; the others are archived', async (sql) => {
  await sql`select api.update_settings('EUR', 'Ticket', null, true, 0)`
  await apply(sql, update(0, { tags: 'live, TICKET' }), update(0, { id: 2, tags: 'ticketing', variants: [] }))
  expect(await eventOf(sql, 1)).toMatchObject({ status: 'active' })
  expect(await eventOf(sql, 2)).toMatchObject({ status: 'archived' })
  await apply(sql, update(1, { tags: 'live' }))
  expect(await eventOf(sql, 1)).toMatchObject({ status: 'archived', version: 2 })
  await apply(sql, update(2, { tags: 'ticket', status: 'draft' }))
  expect(await eventOf(sql, 1)).toMatchObject({ status: 'draft', version: 3 })
})

check('prices are stored in the minor units of the currency', async (sql) => {
  for (const [currency, price, cents] of [
    ['JPY', '1200', 1200],
    ['JPY', '1200.00', 1200],
    ['BHD', '1.234', 1234],
    ['EUR', '19.90', 1990],
  ] as const) {
    await sql`delete from onsale.event_revisions`
    await sql`truncate onsale.events, onsale.tickets, onsale.stock, onsale.shopify_products, onsale.shopify_variants cascade`
    await sql`select api.update_settings(${currency}, null, null, true, 0)`
    await apply(sql, update(0, { variants: [variant({ price, compare_at_price: price })] }))
    const [ticket] =
      await sql`select price_cents::integer, compare_at_price_cents::integer from onsale.tickets`
    expect(ticket).toEqual({ price_cents: cents, compare_at_price_cents: cents })
    expect(await eventOf(sql)).toMatchObject({ currency })
  }
})
