import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import type { SyncKind } from '../../../src/shopify/calls.ts'
import { apply, delivery, order } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'
import { itemLines, orderLines, productLines, stagedRun } from '../../sync.ts'

const check = scratchTests()

type Fact = {
  line: number
  ordinal: number
  kind: string
  shop: string
  deliveryId: string
  body: Record<string, unknown>
  description: string | null
  updatedAt: string
  ns: string
  fault: string | null
}

async function list(
  sql: Session,
  { runId, kind, after = 0, limit = 100 }: { runId: number; kind: SyncKind; after?: number; limit?: number },
): Promise<Fact[]> {
  const rows = await sql<Fact[]>`
    select
      f.line::float8 as line, (f.fact).ordinal, (f.fact).kind, (f.fact).shop, (f.fact).delivery_id as "deliveryId",
      (f.fact).body, (f.fact).description, api.get_utc_text(((f.fact).stamp).updated_at) as "updatedAt",
      ((f.fact).stamp).triggered_ns::text as ns, f.fault
    from api.list_staged_facts(${runId}, ${kind}, ${after}, ${limit}) f
    order by (f.fact).ordinal`
  return [...rows]
}

check('a product has its variants, metafields and images, wherever in the file they stand', async (sql) => {
  const [rock, general] = productLines()
  const [jazz, balcony] = productLines({
    id: 2,
    title: 'Jazz',
    tags: ['event', 'jazz'],
    status: 'DRAFT',
    descriptionHtml: '<p>Low <script>x</script></p>',
    variants: [{ id: 21, title: 'Balcony', compareAtPrice: '30.00', inventoryPolicy: 'CONTINUE' }],
  })
  const venue = {
    id: 'gid://shopify/Metafield/7',
    __parentId: rock?.id,
    namespace: 'onsale',
    key: 'subtitle',
    type: 'single_line_text_field',
    value: 'Loud',
  }
  const image = {
    id: 'gid://shopify/MediaImage/8',
    __parentId: jazz?.id,
    alt: 'A stage',
    mediaContentType: 'IMAGE',
    preview: { image: { url: 'https://cdn.example/1.jpg', width: 800, height: 600 } },
  }
  const video = { ...image, id: 'gid://shopify/Video/9', mediaContentType: 'VIDEO' }
  const products = [rock!, jazz!, balcony!, image, video, venue, general!]
  const runId = await stagedRun(sql, { products })

  const [first, second, ...none] = await list(sql, { runId, kind: 'products' })
  expect(none).toEqual([])
  expect(first).toMatchObject({
    line: 1,
    ordinal: 1,
    kind: 'product',
    shop: 'demo.myshopify.com',
    deliveryId: `snapshot ${runId}`,
    updatedAt: '2026-11-01T09:00:00.000Z',
    ns: '1793534400000000000',
    fault: null,
    body: {
      id: 1,
      title: 'Rock Night',
      status: 'active',
      variants: [{ id: 11, price: '25.00', inventory_item_id: '1011', inventory_policy: 'deny' }],
      metafields: [{ namespace: 'onsale', key: 'subtitle', value: 'Loud' }],
      images: [],
    },
  })
  expect(second).toMatchObject({
    line: 2,
    ordinal: 2,
    description: '<p>Low </p>',
    body: {
      status: 'draft',
      tags: 'event, jazz',
      variants: [{ id: 21, compare_at_price: '30.00', option1: 'General', inventory_policy: 'continue' }],
      metafields: [],
      images: [{ src: 'https://cdn.example/1.jpg', alt: 'A stage', width: 800, height: 600 }],
    },
  })
})

check('an item is told apart from its levels, each with a stamp of its own', async (sql) => {
  const runId = await stagedRun(sql, { inventory: itemLines({ levels: { 1: 5, 2: -1 } }) })
  const facts = await list(sql, { runId, kind: 'inventory' })
  expect(facts).toMatchObject([
    {
      line: 1,
      ordinal: 1,
      kind: 'item',
      updatedAt: '2026-10-01T10:00:00.000Z',
      body: { id: 1011, tracked: true },
    },
    {
      line: 1,
      ordinal: 2,
      kind: 'level',
      updatedAt: '2026-11-01T10:00:00.000Z',
      body: { inventory_item_id: 1011, location_id: 1, available: 5 },
    },
    { line: 1, ordinal: 3, body: { location_id: 2, available: -1 } },
  ])
})

check('an order has its lines, and the customer whom the mirror knows', async (sql) => {
  await apply(sql, delivery('orders/create', order({ id: 500 })))
  const orders = [
    ...orderLines({ id: 500, quantity: 3, currentQuantity: 2 }),
    ...orderLines({ id: 501, variantId: null }),
  ]
  const runId = await stagedRun(sql, { orders })
  const [known, other] = await list(sql, { runId, kind: 'orders' })
  expect(known?.body).toMatchObject({
    id: 500,
    customer: { id: 7500 },
    cancelled_at: null,
    line_items: [{ id: 5001, variant_id: '11', quantity: 3, current_quantity: 2 }],
  })
  expect(other?.body).toMatchObject({ id: 501, customer: { id: null }, line_items: [{ variant_id: null }] })
})

check('a page is so many records long, and begins behind a line', async (sql) => {
  const products = [1, 2, 3].flatMap((id) =>
    productLines({ id, variants: [{ id: id * 10 }, { id: id * 10 + 1 }] }),
  )
  const runId = await stagedRun(sql, { products })
  const linesOf = async (after: number, limit: number) =>
    (await list(sql, { runId, kind: 'products', after, limit })).map(({ line }) => line)
  expect(await linesOf(0, 2)).toEqual([1, 4])
  expect(await linesOf(4, 2)).toEqual([7])
  expect(await linesOf(7, 2)).toEqual([])
})

check('ids above 2^53 keep their digits, and a body that lacks something has its fault', async (sql) => {
  const runId = await stagedRun(sql, { products: productLines({ title: null }) })
  await sql`update onsale.staged_records set id = 820982911946154508 where kind = 'variant'`
  const [row] = await sql`
    select (f.fact).body #>> '{variants,0,id}' as id, f.fault from api.list_staged_facts(${runId}, 'products', 0, 1) f`
  expect(row).toEqual({ id: '820982911946154508', fault: 'Product has no title' })
})
