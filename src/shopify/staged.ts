import { storable } from '../errors.ts'
import { cleanHtml } from '../intake/description.ts'
import type { StagedRecord, SyncKind } from './calls.ts'

/**
 * One line of a bulk operation's file in the words of webhooks: ids as text, because they may be too large for a number; instants
 * and money as they come. Null: nothing that the mirror keeps. Throws a sentence where it is no record that was asked for.
 */
export function stagedRecord(
  text: string,
  { kind, line }: { kind: SyncKind; line: number },
): StagedRecord | null {
  const node = parsed(text)
  const [, name = '', id = ''] = /^gid:\/\/shopify\/([A-Za-z]+)\/(\d{1,18})(\?|$)/.exec(String(node.id)) ?? []
  const read = readers[kind][name] ?? (isMedia(node) && kind === 'products' ? readImage : null)
  if (read === null) throw new Error(`Not a record of ${kind}: its id is "${shown(node.id)}"`)
  const made = read(node, id)
  if (made === null) return null
  const parentId = node.__parentId === undefined ? null : numberOf(node.__parentId)
  if ((parentId === null) !== roots.has(made.kind))
    throw new Error(`A ${made.kind} without what it belongs to`)
  return { id, description: null, ...made, line, parentId }
}

type Node = Record<string, unknown>
type Made = Pick<StagedRecord, 'kind' | 'body'> & Partial<Pick<StagedRecord, 'id' | 'description'>>
type Reader = (node: Node, id: string) => Made | null

const roots: ReadonlySet<string> = new Set(['product', 'item', 'order'])

const readers: Readonly<Record<SyncKind, Readonly<Record<string, Reader>>>> = {
  products: { Product: readProduct, ProductVariant: readVariant, Metafield: readMetafield },
  inventory: { InventoryItem: readItem, InventoryLevel: readLevel },
  orders: { Order: readOrder, LineItem: readLine },
}

function readProduct(node: Node): Made {
  const html = textOf(node.descriptionHtml)
  return {
    kind: 'product',
    body: {
      title: textOf(node.title),
      status: textOf(node.status)?.toLowerCase(),
      product_type: textOf(node.productType),
      tags: listOf(node.tags).map(textOf).join(', '),
      updated_at: instantOf(node.updatedAt),
    },
    description: html === null || html === '' ? null : storable(cleanHtml(html)),
  }
}

function readVariant(node: Node): Made {
  const [option] = listOf(node.selectedOptions)
  return {
    kind: 'variant',
    body: {
      title: textOf(node.title),
      option1: textOf(objectOf(option).value),
      sku: textOf(node.sku),
      price: textOf(node.price),
      compare_at_price: textOf(node.compareAtPrice),
      position: integerOf(node.position),
      inventory_policy: textOf(node.inventoryPolicy)?.toLowerCase(),
      inventory_quantity: integerOf(node.inventoryQuantity),
      inventory_item_id: numberOf(objectOf(node.inventoryItem).id),
    },
  }
}

function readMetafield(node: Node): Made {
  const { namespace, key, type, value } = node
  return {
    kind: 'metafield',
    body: { namespace: textOf(namespace), key: textOf(key), type: textOf(type), value: textOf(value) },
  }
}

/** Of media only images are shown, and of those only what Shopify has made ready. */
function readImage(node: Node): Made | null {
  const { url, width, height } = objectOf(objectOf(node.preview).image)
  if (node.mediaContentType !== 'IMAGE' || typeof url !== 'string') return null
  const size = { width: integerOf(width), height: integerOf(height) }
  return { kind: 'image', body: { src: textOf(url), alt: textOf(node.alt), ...size } }
}

function readItem(node: Node): Made {
  const tracked = node.tracked === true
  return { kind: 'item', body: { tracked, updated_at: instantOf(node.updatedAt) } }
}

/** Is known by its location: the number in its own id is nothing that anybody else names. */
function readLevel(node: Node): Made {
  const quantities = listOf(node.quantities).map(objectOf)
  const available = quantities.find(({ name }) => name === 'available')?.quantity
  return {
    kind: 'level',
    id: numberOf(objectOf(node.location).id),
    body: { available: integerOf(available), updated_at: instantOf(node.updatedAt) },
  }
}

function readOrder(node: Node): Made {
  const { cancelledAt, closedAt } = node
  return {
    kind: 'order',
    body: {
      test: node.test === true,
      created_at: instantOf(node.createdAt),
      updated_at: instantOf(node.updatedAt),
      cancelled_at: cancelledAt == null ? null : instantOf(cancelledAt),
      closed_at: closedAt == null ? null : instantOf(closedAt),
    },
  }
}

function readLine(node: Node): Made {
  const { variant, quantity, currentQuantity } = node
  return {
    kind: 'order_line',
    body: {
      variant_id: variant == null ? null : numberOf(objectOf(variant).id),
      quantity: integerOf(quantity),
      current_quantity: integerOf(currentQuantity),
    },
  }
}

function isMedia(node: Node): boolean {
  return 'mediaContentType' in node
}

function parsed(text: string): Node {
  let node: unknown
  try {
    node = JSON.parse(text)
  } catch {
    throw new Error('Not JSON')
  }
  if (typeof node !== 'object' || node === null || Array.isArray(node)) throw new Error('Not an object')
  return node as Node
}

function objectOf(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {}
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? storable(value) : null
}

function integerOf(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null
}

/** The number in gid://shopify/Product/1. */
function numberOf(gid: unknown): string {
  const id = /^gid:\/\/shopify\/[A-Za-z]+\/(\d{1,18})$/.exec(String(gid))?.[1]
  if (id === undefined) throw new Error(`No id of Shopify: "${shown(gid)}"`)
  return id
}

/** PostgreSQL takes more for an instant, and of that some is none. */
function instantOf(value: unknown): string {
  const text = String(value)
  const isInstant = /^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)
  // A 31st of February is taken for the 3rd of March, but not by PostgreSQL.
  const isThere =
    isInstant && new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(text.slice(8, 10))
  if (!isThere || Number.isNaN(Date.parse(text))) throw new Error(`No instant: "${shown(value)}"`)
  return text
}

function shown(value: unknown): string {
  return storable(String(value)).slice(0, 100)
}
