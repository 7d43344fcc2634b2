import { expect, test } from 'bun:test'
import type { SyncKind } from '../../src/shopify/calls.ts'
import { stagedRecord } from '../../src/shopify/staged.ts'
import { itemLines, orderLines, productLines } from '../sync.ts'

const read = (node: object, kind: SyncKind = 'products', line = 7) =>
  stagedRecord(JSON.stringify(node), { kind, line })

test('each line becomes the part of a body that its webhook would have', () => {
  const [product, variant] = productLines()
  expect(read(product!)).toMatchObject({
    kind: 'product',
    line: 7,
    id: '1',
    parentId: null,
    description: null,
  })
  expect(read(variant!)).toMatchObject({
    kind: 'variant',
    id: '11',
    parentId: '1',
    body: { price: '25.00', option1: 'General', inventory_item_id: '1011', inventory_quantity: 100 },
  })
  const [item, level] = itemLines({ levels: { 4: -2 } })
  expect(read(item!, 'inventory')).toMatchObject({ kind: 'item', id: '1011', body: { tracked: true } })
  expect(read(level!, 'inventory')).toMatchObject({
    kind: 'level',
    id: '4',
    parentId: '1011',
    body: { available: -2 },
  })
  const [order, line] = orderLines({ quantity: 3, currentQuantity: 1 })
  expect(read(order!, 'orders')).toMatchObject({ kind: 'order', id: '500', body: { cancelled_at: null } })
  expect(read(line!, 'orders')).toMatchObject({
    kind: 'order_line',
    parentId: '500',
    body: { variant_id: '11', quantity: 3, current_quantity: 1 },
  })
})

test('ids keep every digit', () => {
  const [order] = orderLines()
  const id = '820982911946154508'
  expect(read({ ...order, id: `gid://shopify/Order/${id}` }, 'orders')?.id).toBe(id)
})

test('a description is kept as it may be shown', () => {
  const [product] = productLines({ descriptionHtml: '<p onclick="x">Loud<script>steal()</script></p>' })
  expect(read(product!)?.description).toBe('<p>Loud</p>')
})

test('media that is no image, or is not ready, is left out', () => {
  const image = {
    id: 'gid://shopify/MediaImage/8',
    __parentId: 'gid://shopify/Product/1',
    alt: null,
    mediaContentType: 'IMAGE',
    preview: { image: { url: 'https://cdn.example/1.jpg', width: 800, height: 600 } },
  }
  expect(read(image)?.body).toEqual({ src: 'https://cdn.example/1.jpg', alt: null, width: 800, height: 600 })
  expect(read({ ...image, preview: null })).toBeNull()
  expect(read({ ...image, id: 'gid://shopify/Model3d/8', mediaContentType: 'MODEL_3D' })).toBeNull()
})

test('what PostgreSQL cannot store is taken out', () => {
  const [product] = productLines({ title: 'A\0B\ud800C' })
  expect(read(product!)?.body.title).toBe('A B\ufffdC')
})

test('what is no such record says why', () => {
  const reasonOf = (text: string, kind: SyncKind = 'products') => {
    try {
      stagedRecord(text, { kind, line: 1 })
      return null
    } catch (error) {
      return (error as Error).message
    }
  }
  const [product, variant] = productLines()
  expect(reasonOf('{"id":')).toBe('Not JSON')
  expect(reasonOf('')).toBe('Not JSON')
  expect(reasonOf('[1]')).toBe('Not an object')
  expect(reasonOf('null')).toBe('Not an object')
  expect(reasonOf('{}')).toBe('Not a record of products: its id is "undefined"')
  expect(reasonOf(JSON.stringify(product), 'orders')).toStartWith('Not a record of orders')
  expect(reasonOf(JSON.stringify({ ...variant, __parentId: undefined }))).toBe(
    'A variant without what it belongs to',
  )
  expect(reasonOf(JSON.stringify({ ...product, id: `gid://shopify/Product/${'9'.repeat(30)}` }))).toStartWith(
    'Not a record of products',
  )
  for (const updatedAt of [null, 'infinity', 'now', '2026-02-31T00:00:00Z', '0000-01-01T00:00:00Z', 5]) {
    expect(reasonOf(JSON.stringify({ ...product, updatedAt }))).toStartWith('No instant: ')
  }
  expect(reasonOf('['.repeat(1_000_000))).toBe('Not JSON')
})
