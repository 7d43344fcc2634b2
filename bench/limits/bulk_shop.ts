// A shop of made-up events whose Admin API answers what a sync asks, and nothing else: its files are written once, before it listens,
// and served from the disk. What a sync costs is then its own.
//
//   bun bench/limits/bulk_shop.ts <folder> <events>      prints the port it listens on
//
// Each event has three tickets with an item, and a level at the only location; two metafields, an image and one order.

import { join } from 'node:path'

export const ticketsPerEvent = 3
export const bulkToken = 'token-of-the-benchmark'

/** Shopify's numbers of the nth event, from 1. */
export const productId = (nth: number) => 10_000_000_000 + nth
export const variantId = (nth: number, ticket: number) => 20_000_000_000 + nth * 10 + ticket
export const itemId = (nth: number, ticket: number) => 30_000_000_000 + nth * 10 + ticket
export const orderId = (nth: number) => 40_000_000_000 + nth
export const locationId = 1
/** When everything was changed last. */
export const changedAt = '2026-11-01T10:00:00Z'

type Kind = 'products' | 'inventory' | 'orders'

async function serve(folder: string, events: number): Promise<void> {
  const files = new Map<Kind, { path: string; lines: number }>()
  for (const kind of ['products', 'inventory', 'orders'] as const) {
    const path = join(folder, `${kind}.jsonl`)
    files.set(kind, { path, lines: await write(path, linesOf[kind], events) })
  }
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, development: false, fetch: answer })
  process.stdout.write(`${server.port}\n`)

  async function answer(request: Request): Promise<Response> {
    const { pathname, origin } = new URL(request.url)
    const asked = /^\/files\/(\w+)$/.exec(pathname)?.[1] as Kind | undefined
    if (asked !== undefined) return give(request, files.get(asked)?.path ?? '')
    const { query, variables } = (await request.json()) as {
      query: string
      variables: Record<string, string>
    }
    const data = dataOf(query, variables, { origin, files })
    const throttleStatus = { maximumAvailable: 20_000, currentlyAvailable: 20_000, restoreRate: 1_000 }
    const cost = { requestedQueryCost: 1, actualQueryCost: 1, throttleStatus }
    return Response.json({ data, extensions: { cost } })
  }
}

function give(request: Request, path: string): Response {
  const file = Bun.file(path)
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0)
  return new Response(from > 0 ? file.slice(from) : file, { status: from > 0 ? 206 : 200 })
}

function dataOf(
  query: string,
  variables: Record<string, string>,
  { origin, files }: { origin: string; files: Map<Kind, { path: string; lines: number }> },
): object {
  if (query.includes('BulkStart')) {
    const asked = variables.query ?? ''
    const kind = asked.includes('inventoryItems')
      ? 'inventory'
      : asked.includes('orders(')
        ? 'orders'
        : 'products'
    const bulkOperation = { id: `gid://shopify/BulkOperation/${[...files.keys()].indexOf(kind) + 1}` }
    return { bulkOperationRunQuery: { bulkOperation, userErrors: [] } }
  }
  if (query.includes('BulkGet')) {
    const [kind, { path, lines }] = [...files][Number(variables.id?.slice(-1)) - 1]!
    const [objectCount, fileSize] = [String(lines), String(Bun.file(path).size)]
    const url = `${origin}/files/${kind}`
    const done = { status: 'COMPLETED', errorCode: null, objectCount, fileSize, url, partialDataUrl: null }
    return { bulkOperation: { id: variables.id, ...done } }
  }
  const accessScopes = ['read_products', 'read_inventory', 'read_orders', 'read_all_orders'].map(
    (handle) => ({
      handle,
    }),
  )
  const shop = { myshopifyDomain: 'bench.myshopify.com', currencyCode: 'EUR' }
  return { shop, currentAppInstallation: { accessScopes } }
}

async function write(path: string, lines: (nth: number) => object[], events: number): Promise<number> {
  const writer = Bun.file(path).writer({ highWaterMark: 4 * 1024 * 1024 })
  let count = 0
  for (let nth = 1; nth <= events; nth++) {
    for (const line of lines(nth)) {
      writer.write(`${JSON.stringify(line)}\n`)
      count++
    }
    if (nth % 1_000 === 0) await writer.flush()
  }
  await writer.end()
  return count
}

const tickets = Array.from({ length: ticketsPerEvent }, (_, nth) => nth + 1)
const words = [
  'Rock',
  'Jazz',
  'Opera',
  'Night',
  'Gala',
  'Winter',
  'Harbour',
  'Quartet',
  'Comedy',
  'Circus',
  'Tango',
]
const cities = ['Berlin', 'Hamburg', 'Köln', 'Leipzig', 'Dresden', 'Bremen', 'Essen']

const linesOf: Readonly<Record<Kind, (nth: number) => object[]>> = {
  products: (nth) => {
    const id = `gid://shopify/Product/${productId(nth)}`
    const title = `${words[nth % words.length]} ${words[(nth * 7 + 3) % words.length]} ${nth}`
    const city = cities[nth % cities.length]
    const startsAt = new Date(Date.UTC(2027, 0, 1) + (nth % 365) * 86_400_000).toISOString()
    const child = (more: object) => ({ __parentId: id, ...more })
    const metafield = (key: string, type: string, value: string) =>
      child({
        id: `gid://shopify/Metafield/${productId(nth)}${key.length}`,
        namespace: 'onsale',
        key,
        type,
        value,
      })
    return [
      {
        id,
        title,
        status: 'ACTIVE',
        productType: 'Concert',
        tags: ['event', 'music'],
        descriptionHtml: `<p>An evening in ${city} with ${title}. Doors open an hour before.</p>`,
        updatedAt: changedAt,
      },
      ...tickets.map((ticket) =>
        child({
          id: `gid://shopify/ProductVariant/${variantId(nth, ticket)}`,
          title: `Category ${ticket}`,
          sku: `E${nth}-${ticket}`,
          price: `${20 + ticket * 10}.00`,
          compareAtPrice: null,
          position: ticket,
          inventoryPolicy: 'DENY',
          inventoryQuantity: 500,
          selectedOptions: [{ value: `Category ${ticket}` }],
          inventoryItem: { id: `gid://shopify/InventoryItem/${itemId(nth, ticket)}` },
        }),
      ),
      metafield('starts_at', 'date_time', startsAt),
      metafield('venue', 'json', JSON.stringify({ name: `Hall ${nth % 50}`, city })),
      child({
        id: `gid://shopify/MediaImage/${productId(nth)}`,
        alt: title,
        mediaContentType: 'IMAGE',
        preview: { image: { url: `https://cdn.example/${nth}.jpg`, width: 1200, height: 800 } },
      }),
    ]
  },
  inventory: (nth) =>
    tickets.flatMap((ticket) => {
      const number = itemId(nth, ticket)
      const id = `gid://shopify/InventoryItem/${number}`
      return [
        { id, tracked: true, updatedAt: changedAt },
        {
          id: `gid://shopify/InventoryLevel/${locationId}?inventory_item_id=${number}`,
          __parentId: id,
          updatedAt: changedAt,
          location: { id: `gid://shopify/Location/${locationId}` },
          quantities: [{ name: 'available', quantity: 500 }],
        },
      ]
    }),
  orders: (nth) => {
    const id = `gid://shopify/Order/${orderId(nth)}`
    return [
      { id, test: false, createdAt: changedAt, updatedAt: changedAt, cancelledAt: null, closedAt: null },
      {
        id: `gid://shopify/LineItem/${orderId(nth)}`,
        __parentId: id,
        quantity: 2,
        currentQuantity: 2,
        variant: { id: `gid://shopify/ProductVariant/${variantId(nth, 1)}` },
      },
    ]
  },
}

if (import.meta.main) await serve(process.argv[2] ?? '', Number(process.argv[3]))
