import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { type Faults, NO_FAULTS } from '../../sandbox/admin_faults.ts'
import { createShop } from '../../sandbox/life.ts'
import { World } from '../../sandbox/world.ts'
import { expectVerified, testDatabase } from '../harness.ts'
import { runService, webhookSecret } from '../service.ts'

// What Onsale asks Shopify, word for word; each of them is asked here at least once.
const folder = join(import.meta.dir, 'documents')
const documents = new Map(
  readdirSync(folder).map((file) => [
    file.slice(3, -'.graphql'.length),
    readFileSync(join(folder, file), 'utf8'),
  ]),
)
const asked = new Set<string>()
const open: AdminApi[] = []
let seeds = 0
let api: AdminApi

beforeEach(async () => {
  api = await start()
})
afterAll(async () => {
  await Promise.all(open.map((one) => one.stop()))
})

async function start(options: Partial<Parameters<typeof startAdminApi>[0]> = {}): Promise<AdminApi> {
  const started = await startAdminApi({
    world: newWorld(),
    token: 'a token',
    secret: webhookSecret,
    faults: { bulk_ms: 4, later_ms: 1, bucket_size: 100_000 },
    ...options,
  })
  open.push(started)
  return started
}

function newWorld(over: Partial<ConstructorParameters<typeof World>[0]> = {}): World {
  return new World({
    seed: `admin ${++seeds}`,
    start_at: new Date(),
    lag_ms_max: 0,
    locations: 2,
    by_namespace: true,
    ...over,
  })
}

describe('the documents', () => {
  test('productSet makes an event with tickets and stock, and by its id replaces them', async () => {
    const [here = ''] = await locations()
    const inventoryItem = { sku: 'SEAT', tracked: true }
    const variants = [
      ticket('Seated', { price: '25.50', inventoryItem, inventoryQuantities: stockAt(here, 30) }),
      ticket('Standing'),
    ]
    const { productSet } = await ask('event-create-productset', { input: concert({ variants }) })
    expect(productSet.userErrors).toEqual([])
    expect(productSet.product).toMatchObject({
      title: 'A concert',
      status: 'ACTIVE',
      variantsCount: { count: 2, precision: 'EXACT' },
      options: [{ name: 'Ticket', optionValues: [{ name: 'Seated' }, { name: 'Standing' }] }],
    })
    const [seated, standing] = productSet.product.variants.nodes
    expect(seated).toMatchObject({
      title: 'Seated',
      price: '25.50',
      sku: 'SEAT',
      inventoryQuantity: 30,
      inventoryPolicy: 'DENY',
      selectedOptions: [{ name: 'Ticket', value: 'Seated' }],
      inventoryItem: { tracked: true },
    })
    const again = await ask('event-create-productset', {
      identifier: { id: productSet.product.id },
      input: {
        title: 'A larger concert',
        productOptions: [{ name: 'Ticket', values: [{ name: 'Seated' }, { name: 'Balcony' }] }],
        variants: [ticket('Seated', { price: '27.00' }), ticket('Balcony', { price: '40.00' })],
      },
    })
    expect(again.productSet.userErrors).toEqual([])
    const ids = again.productSet.product.variants.nodes.map(({ id }: { id: string }) => id)
    expect(ids).toContain(seated.id)
    expect(ids).not.toContain(standing.id)
    const fetched = await ask('product-with-variants', { id: productSet.product.id })
    expect(fetched.product).toMatchObject({ title: 'A larger concert', variantsCount: { count: 2 } })
  })

  test('productSet replaces the metafields that it names, and leaves them alone where it names none', async () => {
    const field = (key: string) => ({ namespace: '$app:events', key, type: 'json', value: '[1]' })
    const { product } = await stocked({ metafields: [field('one'), field('two')] })
    const set = (input: object) => ask('event-create-productset', { identifier: { id: product }, input })
    const keys = async () => {
      const { product: read } = await ask('product-with-variants', { id: product })
      return read.metafields.nodes.map(({ key }: { key: string }) => key)
    }
    await set({ title: 'Another title' })
    expect((await keys()).toSorted()).toEqual(['one', 'two'])
    await set({ metafields: [field('three')] })
    expect(await keys()).toEqual(['three'])
    const { productSet } = await set({ metafields: [{ ...field('four'), value: '[' }] })
    expect(productSet.userErrors[0].message).toBe('Value is invalid JSON.')
  })

  test('productSet upserts by an id of our own, and tells renamed tickets from new ones', async () => {
    const identifier = { customId: { namespace: '$app:events', key: 'event', value: '42' } }
    const set = async (...variants: object[]) => {
      const values = variants.map(
        (variant) => (variant as { optionValues: { name: string }[] }).optionValues[0],
      )
      const productOptions = [{ name: 'Ticket', values: values.map((value) => ({ name: value?.name })) }]
      const input = concert({ variants, productOptions })
      const { productSet } = await ask('event-create-productset', { identifier, input })
      expect(productSet.userErrors).toEqual([])
      return productSet.product.variants.nodes as { id: string; title: string }[]
    }
    const [first] = await set(ticket('Seated'))
    const later = await set(ticket('Seated'), ticket('Balcony', { id: first?.id }))
    expect(later.find(({ title }) => title === 'Balcony')?.id).toBe(first?.id ?? '')
    expect(new Set(later.map(({ id }) => id)).size).toBe(2)
    expect(api.shop.products).toHaveLength(1)
  })

  test('asynchronous, it answers an operation that is to be asked until it is complete', async () => {
    const { productSet } = await ask('event-create-productset', { input: concert(), synchronous: false })
    expect(productSet).toMatchObject({ product: null, productSetOperation: { status: 'CREATED' } })
    const done = await until(
      () => ask('product-operation-poll', { id: productSet.productSetOperation.id }),
      ({ productOperation }) => productOperation.status === 'COMPLETE',
    )
    expect(done.productOperation).toMatchObject({ __typename: 'ProductSetOperation', userErrors: [] })
    const { productDelete } = await ask('event-delete', {
      id: done.productOperation.product.id,
      synchronous: false,
    })
    const deleted = await until(
      () => ask('product-operation-poll', { id: productDelete.productDeleteOperation.id }),
      ({ productOperation }) => productOperation.status === 'COMPLETE',
    )
    expect(deleted.productOperation.deletedProductId).toBe(done.productOperation.product.id)
  })

  test('productCreate, then tickets made, changed and deleted in bulk, the event changed and deleted', async () => {
    const { productCreate } = await ask('event-create-productcreate', {
      product: { title: 'A talk' },
      media: [{ mediaContentType: 'IMAGE', originalSource: 'https://images.example/1.jpg' }],
    })
    const id = productCreate.product.id
    const [location] = await locations()
    const made = await ask('tickets-bulk-create', {
      productId: id,
      variants: ['Row 1', 'Row 2'].map((name) => ({
        optionValues: [{ optionName: 'Title', name }],
        price: '12.00',
        inventoryItem: { sku: name, tracked: true },
        inventoryQuantities: [{ locationId: location, availableQuantity: 7 }],
      })),
    })
    expect(made.productVariantsBulkCreate).toMatchObject({
      productVariants: [
        { title: 'Row 1', inventoryQuantity: 7 },
        { title: 'Row 2', price: '12.00' },
      ],
      userErrors: [],
    })
    const [first, second] = made.productVariantsBulkCreate.productVariants
    const changed = await ask('tickets-bulk-update', {
      productId: id,
      variants: [{ id: first.id, price: '13.50', inventoryPolicy: 'CONTINUE' }],
    })
    expect(changed.productVariantsBulkUpdate).toMatchObject({
      productVariants: [{ id: first.id, price: '13.50', inventoryPolicy: 'CONTINUE' }],
      userErrors: [],
    })
    const fewer = await ask('tickets-bulk-delete', { productId: id, variantsIds: [second.id] })
    expect(fewer.productVariantsBulkDelete.userErrors).toEqual([])
    const last = await ask('tickets-bulk-delete', { productId: id, variantsIds: [first.id] })
    expect(codes(last.productVariantsBulkDelete)).toEqual(['CANNOT_DELETE_LAST_VARIANT'])

    const { productUpdate } = await ask('event-update', {
      product: { id, title: 'A long talk', status: 'DRAFT' },
    })
    expect(productUpdate.product).toMatchObject({ title: 'A long talk', status: 'DRAFT' })
    expect((await ask('event-delete', { id })).productDelete).toMatchObject({
      deletedProductId: id,
      userErrors: [],
    })
    const [error] = (await ask('event-delete', { id })).productDelete.userErrors
    expect(error).toEqual({ field: ['id'], message: 'Product does not exist' })
    expect((await ask('product-with-variants', { id })).product).toBeNull()
  })

  test('stock is set, moved and begun at another location', async () => {
    const { item, here, there } = await stocked()
    const set = await setStock({ item, at: here, quantity: 50, from: 30 })
    expect(set).toMatchObject({
      userErrors: [],
      inventoryAdjustmentGroup: {
        reason: 'correction',
        changes: [{ name: 'available', delta: 20, quantityAfterChange: null, item: { id: item } }],
      },
    })
    const { inventoryAdjustQuantities } = await ask('inventory-adjust', {
      idempotencyKey: crypto.randomUUID(),
      input: {
        name: 'available',
        reason: 'restock',
        changes: [{ inventoryItemId: item, locationId: here, delta: -8, changeFromQuantity: null }],
      },
    })
    expect(inventoryAdjustQuantities.inventoryAdjustmentGroup.changes[0]).toMatchObject({
      delta: -8,
      quantityAfterChange: null,
    })
    const activate = (key: string) =>
      ask('inventory-activate', {
        inventoryItemId: item,
        locationId: there,
        available: 5,
        idempotencyKey: key,
      })
    const activated = await activate('once')
    expect(activated.inventoryActivate.inventoryLevel.quantities[0]).toMatchObject({ quantity: 5 })
    expect((await activate('twice')).inventoryActivate.userErrors[0].field).toEqual(['available'])
    const { nodes } = await ask('inventory-fetch', { ids: [item, 'gid://shopify/InventoryItem/1'] })
    expect(nodes[1]).toBeNull()
    const many = Array.from({ length: 30 }, (_, n) => `gid://shopify/InventoryItem/${n + 1}`)
    expect((await ask('inventory-fetch', { ids: many })).nodes).toHaveLength(30)
    const levels = nodes[0].inventoryLevels.nodes
    expect(levels.map(quantityOf('available'))).toEqual(expect.arrayContaining([42, 5]))
  })

  test('an event is published, and its metafields are set', async () => {
    const { product } = await stocked()
    const { publications } = await ask('publications')
    const publicationId = publications.nodes[0].id
    const { publishablePublish } = await ask('publish', { id: product, input: [{ publicationId }] })
    expect(publishablePublish).toEqual({
      publishable: { resourcePublicationsCount: { count: 1 } },
      userErrors: [],
    })
    const set = (digest?: string | null) =>
      ask('metafields-set', {
        metafields: [
          {
            ownerId: product,
            namespace: '$app:events',
            key: 'seen',
            type: 'number_integer',
            value: '3',
            ...(digest === undefined ? {} : { compareDigest: digest }),
          },
        ],
      })
    const { metafieldsSet } = await set(null)
    expect(metafieldsSet.metafields[0]).toMatchObject({ key: 'seen', value: '3' })
    expect((await set(metafieldsSet.metafields[0].compareDigest)).metafieldsSet.userErrors).toEqual([])
    expect(codes((await set(null)).metafieldsSet)).toEqual(['STALE_OBJECT'])
    const fetched = await ask('product-with-variants', { id: product })
    expect(fetched.product.metafields.nodes).toMatchObject([{ key: 'seen', value: '3' }])
  })

  test('pages of products go on where the last one ended, and a window of time is kept to', async () => {
    for (const title of ['One', 'Two', 'Three'])
      await ask('event-create-productset', { input: concert({ title }) })
    const titles: string[] = []
    let after: string | null = null
    do {
      const { products } = await ask('products-page', {
        first: 2,
        after,
        query: "updated_at:>='2026-01-01T00:00:00Z'",
      })
      titles.push(...products.nodes.map(({ title }: { title: string }) => title))
      after = products.pageInfo.hasNextPage ? products.pageInfo.endCursor : null
    } while (after !== null)
    expect(titles).toEqual(['One', 'Two', 'Three'])
    const later = await ask('products-page', { first: 2, query: "updated_at:>='2999-01-01T00:00:00Z'" })
    expect(later.products.nodes).toEqual([])
  })

  test('the shop, its locations and its orders are told, and an order is cancelled', async () => {
    const { shop, locations: list } = await ask('shop-locations')
    expect(shop).toMatchObject({ myshopifyDomain: 'demo.myshopify.com', currencyCode: 'EUR' })
    expect(list.nodes).toHaveLength(2)
    const { variant } = await stocked()
    const sold = await control('orders', { variant_id: variant.split('/').at(-1), quantity: 2 })
    expect(sold.status).toBe(200)
    const read = () => ask('orders-reconcile', { first: 1, query: "updated_at:>'2026-01-01T00:00:00Z'" })
    const before = await read()
    expect(before.orders.nodes[0].lineItems.nodes).toMatchObject([{ quantity: 2, variant: { id: variant } }])
    const { orderCancel } = await ask('order-cancel', {
      orderId: before.orders.nodes[0].id,
      reason: 'OTHER',
      restock: true,
      refundMethod: { originalPaymentMethodsRefund: true },
    })
    expect(orderCancel).toMatchObject({ job: { done: false }, orderCancelUserErrors: [] })
    const after = await until(read, ({ orders }) => orders.nodes[0].cancelledAt !== null)
    expect(after.orders.nodes[0]).toMatchObject({
      displayFinancialStatus: 'REFUNDED',
      lineItems: { nodes: [{ quantity: 2, currentQuantity: 0 }] },
      refunds: [{ refundLineItems: { nodes: [{ quantity: 2, restockType: 'CANCEL' }] } }],
    })
  })

  test('a bulk query leaves a file of lines, parents before their children, behind a signed address', async () => {
    const { product, item } = await stocked()
    const { bulkOperationRunQuery } = await ask('bulk-run', { query: document('bulk-inner-products') })
    expect(bulkOperationRunQuery).toMatchObject({ bulkOperation: { status: 'CREATED' }, userErrors: [] })
    const done = await finished(bulkOperationRunQuery.bulkOperation.id)
    expect(done).toMatchObject({ status: 'COMPLETED', objectCount: '3', rootObjectCount: '1' })
    const lines = await linesOf(done.url)
    expect(lines[0]).toMatchObject({ id: product, title: 'A concert' })
    expect(lines.slice(1)).toMatchObject([
      { title: 'Seated', inventoryItem: { id: item }, __parentId: product },
      { title: 'Standing', __parentId: product },
    ])
    const forged = await fetch(done.url.replace(/signature=./, 'signature=z'))
    expect(forged.status).toBe(403)

    const inventory = await ask('bulk-run', { query: document('bulk-inner-inventory') })
    const stock = await linesOf((await finished(inventory.bulkOperationRunQuery.bulkOperation.id)).url)
    expect(stock.find((line) => line.id === item)).toMatchObject({ tracked: true })
    expect(stock.filter((line) => line.__parentId === item).map(quantityOf('available'))).toEqual([30])
  })

  test('a bulk query is cancelled, fails half way, or is refused for its shape', async () => {
    await stocked()
    api.faults.bulk_ms = 60_000
    const run = async (query = document('bulk-inner-products')) =>
      (await ask('bulk-run', { query })).bulkOperationRunQuery
    const { bulkOperation } = await run()
    api.faults.bulk_ms = 4
    const cancelled = await ask('bulk-cancel', { id: bulkOperation.id })
    expect(cancelled.bulkOperationCancel.bulkOperation.status).toBe('CANCELING')
    const status = () => ask('bulk-status', { id: bulkOperation.id })
    await until(status, (answer) => answer.bulkOperation.status === 'CANCELED')
    expect((await ask('bulk-running')).bulkOperations.nodes).toEqual([])

    api.faults.bulk_fails = true
    const failed = await finished((await run()).bulkOperation.id)
    expect(failed).toMatchObject({ status: 'FAILED', errorCode: 'INTERNAL_SERVER_ERROR', url: null })
    expect(await linesOf(failed.partialDataUrl)).toHaveLength(1)

    for (const query of [
      '{ shop { id } }',
      '{ products { edges { node { id wrong } } } }',
      '{ products { edges { node { title variants { edges { node { id } } } } } } }',
      'mutation { productDelete(input: { id: "gid://shopify/Product/1" }) { deletedProductId } }',
    ]) {
      expect([query, (await run(query)).bulkOperation]).toEqual([query, null])
    }
  })

  test('subscriptions are made, listed, moved and deleted; one address has a topic once', async () => {
    const uri = 'http://127.0.0.1:1/webhooks'
    const create = (to: string) => ask('webhook-create', { topic: 'PRODUCTS_UPDATE', sub: { uri: to } })
    const { webhookSubscription } = (await create(uri)).webhookSubscriptionCreate
    expect(webhookSubscription).toMatchObject({ uri, format: 'JSON', apiVersion: { handle: '2026-10' } })
    const again = (await create(uri)).webhookSubscriptionCreate.userErrors
    expect(again[0].message).toBe('Address for this topic has already been taken')
    expect((await create('https://shop.example')).webhookSubscriptionCreate.webhookSubscription).toBeNull()
    const moved = `${uri}/shopify`
    await ask('webhook-update', { id: webhookSubscription.id, sub: { uri: moved } })
    expect((await ask('webhook-list')).webhookSubscriptions.nodes).toMatchObject([
      { id: webhookSubscription.id, uri: moved },
    ])
    await ask('webhook-delete', { id: webhookSubscription.id })
    expect((await ask('webhook-list')).webhookSubscriptions.nodes).toEqual([])
  })

  test('have all been asked', () => {
    const inner = ['bulk-inner-products', 'bulk-inner-inventory']
    expect([...asked, ...inner].toSorted()).toEqual([...documents.keys()].toSorted())
  })
})

describe('a refusal', () => {
  test('meets who does not know the token, and what is no request', async () => {
    const url = `${api.url}/admin/api/2026-10/graphql.json`
    const stranger = await fetch(url, { method: 'POST', body: '{"query":"{ shop { id } }"}' })
    expect(stranger.status).toBe(401)
    expect((await post('no JSON')).status).toBe(400)
  })

  test('meets a field, an argument, a variable and an id that are wrong, above the data', async () => {
    const product = document('product-with-variants')
    for (const [query, variables, code] of [
      ['{ shop { nickname } }', {}, 'undefinedField'],
      ['{ product(id: "gid://shopify/Product/1", color: 1) { id } }', {}, 'argumentNotAccepted'],
      [product, {}, 'INVALID_VARIABLE'],
      [product, { id: '12' }, 'argumentLiteralsIncompatible'],
      ['{ products { nodes { id } } }', {}, 'BAD_REQUEST'],
      [
        '{ products(first: 250) { nodes { variants(first: 10) { nodes { id } } } } }',
        {},
        'MAX_COST_EXCEEDED',
      ],
      [
        document('tickets-bulk-delete'),
        { productId: 'gid://shopify/Product/1', variantsIds: ids(251) },
        'MAX_INPUT_SIZE_EXCEEDED',
      ],
    ] as const) {
      const { status, body } = await post(JSON.stringify({ query, variables }))
      expect([query, status, body.errors[0].extensions.code]).toEqual([query, 200, code])
    }
  })

  test('names every fault of an event, and nothing is made of it', async () => {
    const variants = [
      ticket('Seated', { price: '-1' }),
      ticket('Seated'),
      ticket('Hanging'),
      ticket('Standing', { inventoryQuantities: stockAt('gid://shopify/Location/1', 5) }),
      ticket('Standing', { inventoryQuantities: stockAt((await locations())[0]!, -5) }),
    ]
    const { productSet } = await ask('event-create-productset', { input: concert({ title: ' ', variants }) })
    expect(productSet.userErrors.map(({ field }: { field: string[] }) => field.join('.'))).toEqual([
      'input.title',
      'input.variants.0.price',
      'input.variants.2.optionValues.0',
      'input.variants.3.inventoryQuantities.0.locationId',
      'input.variants.4.inventoryQuantities.0.quantity',
      'input.variants.1',
      'input.variants.4',
    ])
    const values = [{ name: 'Seated' }, { name: 'Seated' }]
    const doubled = await ask('event-create-productset', {
      input: concert({ productOptions: [{ name: 'Ticket', values }], variants: [ticket('Seated')] }),
    })
    expect(codes(doubled.productSet)).toEqual(['DUPLICATED_OPTION_VALUE'])
    const { productOptions: _, ...without } = concert()
    const bare = await ask('event-create-productset', { input: without })
    expect(codes(bare.productSet)).toEqual(['PRODUCT_OPTIONS_INPUT_MISSING'])
    expect(api.shop.products).toEqual([])
  })

  test('meets stock that has changed meanwhile, is negative, or lies nowhere', async () => {
    const { item, here, there } = await stocked()
    expect(codes(await setStock({ item, at: here, quantity: 9, from: 29 }))).toEqual([
      'CHANGE_FROM_QUANTITY_STALE',
    ])
    expect(codes(await setStock({ item, at: here, quantity: -1 }))).toEqual(['INVALID_QUANTITY_NEGATIVE'])
    expect(codes(await setStock({ item, at: there, quantity: 9 }))).toEqual(['INVALID_LOCATION'])
    const nobody = 'gid://shopify/InventoryItem/1'
    expect(codes(await setStock({ item: nobody, at: here, quantity: 9 }))).toEqual(['INVALID_INVENTORY_ITEM'])
    expect(availableOf(item)).toBe(30)
  })

  test('meets a change of stock without a key, or without a word about what it was', async () => {
    const { item, here } = await stocked()
    const quantities = [{ inventoryItemId: item, locationId: here, quantity: 3, changeFromQuantity: null }]
    const input = { name: 'available', reason: 'correction', quantities }
    const query =
      'mutation Set($input: InventorySetQuantitiesInput!) { inventorySetQuantities(input: $input) { userErrors { code } } }'
    const keyless = await post(JSON.stringify({ query, variables: { input } }))
    expect(keyless.body.errors[0].extensions.code).toBe('BAD_REQUEST')
    const older = await post(JSON.stringify({ query, variables: { input } }), '2026-01')
    expect(older.body.data.inventorySetQuantities.userErrors).toEqual([])
    const silent = await post(
      JSON.stringify({
        query: document('inventory-set'),
        variables: {
          idempotencyKey: 'k',
          input: { ...input, quantities: [{ inventoryItemId: item, locationId: here, quantity: 4 }] },
        },
      }),
    )
    expect(silent.body.errors[0].extensions.code).toBe('INVALID_FIELD_ARGUMENTS')
  })
})

describe('a key', () => {
  test('that comes again gets the same answer, and nothing is done twice', async () => {
    const { item, here } = await stocked()
    const change = (delta: number) =>
      ask('inventory-adjust', {
        idempotencyKey: 'the key',
        input: {
          name: 'available',
          reason: 'restock',
          changes: [{ inventoryItemId: item, locationId: here, delta, changeFromQuantity: null }],
        },
      })
    const first = await change(5)
    expect(await change(5)).toEqual(first)
    expect(codes((await change(6)).inventoryAdjustQuantities)).toEqual(['IDEMPOTENCY_KEY_PARAMETER_MISMATCH'])
    expect(availableOf(item)).toBe(35)
    const outcomes = api.shop.log
      .filter((entry) => entry.idempotency_key === 'the key')
      .map(({ outcome }) => outcome)
    expect(outcomes).toEqual(['applied', 'replayed', 'refused'])
  })

  test('means nothing where Shopify knows none', async () => {
    const query =
      'mutation { productCreate(product: { title: "Twice" }) @idempotent(key: "k") { userErrors { message } } }'
    for (let nth = 1; nth <= 2; nth++) await post(JSON.stringify({ query }))
    expect(api.shop.products.map(({ title }) => title)).toEqual(['Twice', 'Twice'])
  })

  test('whose change was refused is used up', async () => {
    const { item, here } = await stocked()
    const set = () => setStock({ item, at: here, quantity: 1, from: 2, key: 'spent' })
    expect(codes(await set())).toEqual(['CHANGE_FROM_QUANTITY_STALE'])
    expect(codes(await set())).toEqual(['IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED'])
  })
})

describe('the command', () => {
  test('serves until it is stopped, with the faults of its flags', async () => {
    const flags = ['--serve', '--port', '0', '--throttled-share', '100%', '--bucket-size', '77']
    const child = Bun.spawn([process.execPath, join(import.meta.dir, '../../sandbox/shop.ts'), ...flags], {
      env: {
        PATH: process.env.PATH ?? '',
        SHOPIFY_WEBHOOK_SECRET: webhookSecret,
        SHOPIFY_ACCESS_TOKEN: 'a token of the environment',
      },
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const reader = child.stdout.getReader()
    let said = ''
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      said += new TextDecoder().decode(part.value)
      if (said.includes('Webhooks go to')) break
    }
    const url = /http:\/\/\S+graphql\.json/.exec(said)?.[0] ?? ''
    expect(said).toContain('X-Shopify-Access-Token: a token of the environment')
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'x-shopify-access-token': 'a token of the environment' },
      body: JSON.stringify({ query: '{ shop { id } }' }),
    })
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'THROTTLED' } }],
      extensions: { cost: { throttleStatus: { maximumAvailable: 77 } } },
    })
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })
})

describe('a fault', () => {
  const shop = JSON.stringify({ query: '{ shop { id } }' })

  test('is set while it runs, and a wrong one is refused with a sentence', async () => {
    expect((await control('', { error_share: 1 })).body).toEqual({ ...api.faults, error_share: 1 })
    expect((await post(shop)).status).toBeWithin(500, 505)
    for (const wrong of [{ error_share: 2 }, { errors: 1 }, { slow_ms: [2, 1] }, { left: -1 }, []]) {
      expect([wrong, (await control('', wrong)).status]).toEqual([wrong, 400])
    }
    const restored = await fetch(`${api.url}/control`, { method: 'DELETE' })
    expect(await restored.json()).toMatchObject({ error_share: 0, bucket_size: 100_000 })
    expect((await post(shop)).status).toBe(200)
  })

  test('throttles who asks for more than the bucket holds, in a 200, with what there is', async () => {
    const small = await start({ faults: { bucket_size: 30, restore_rate: 0 } })
    const query = '{ products(first: 20) { nodes { id } } }'
    const first = await post(JSON.stringify({ query }), '2026-10', small)
    expect(first.body.extensions.cost).toEqual({
      requestedQueryCost: 20,
      actualQueryCost: 0,
      throttleStatus: { maximumAvailable: 30, currentlyAvailable: 30, restoreRate: 0 },
    })
    const body = { product: { title: 'Dear' } }
    const made = await post(
      JSON.stringify({ query: document('event-create-productcreate'), variables: body }),
      '2026-10',
      small,
    )
    expect(made.body.extensions.cost.throttleStatus.currentlyAvailable).toBe(17)
    const { status, body: throttled } = await post(JSON.stringify({ query }), '2026-10', small)
    expect([status, throttled.errors[0].extensions.code, throttled.data]).toEqual([
      200,
      'THROTTLED',
      undefined,
    ])
    expect(throttled.extensions.cost).toMatchObject({ actualQueryCost: null, requestedQueryCost: 20 })
  })

  test('answers 429 with Retry-After, so many times and only to what is named', async () => {
    fault({ too_many_share: 1, retry_after_s: 3, left: 1, only: ['shop'] })
    expect((await post(JSON.stringify({ query: '{ locations(first: 1) { nodes { id } } }' }))).status).toBe(
      200,
    )
    const { status, headers } = await post(shop)
    expect([status, headers.get('retry-after')]).toEqual([429, '3.0'])
    expect((await post(shop)).status).toBe(200)
  })

  test('makes the change and loses the answer; the key finds out', async () => {
    const { item, here } = await stocked()
    fault({ lost_answer_share: 1, left: 1 })
    const set = () => setStock({ item, at: here, quantity: 77, from: 30, key: 'lost' })
    await expect(set()).rejects.toThrow()
    expect(availableOf(item)).toBe(77)
    expect((await set()).inventoryAdjustmentGroup.changes[0].delta).toBe(47)
  })

  test('answers what is no JSON, or 50 MB of it, or late', async () => {
    fault({ garbage_share: 1, left: 1 })
    expect((await post(shop)).body).toBeNull()
    fault({ huge_share: 1, left: 1 })
    const huge = await post(shop)
    expect(huge.length).toBeGreaterThan(50_000_000)
    expect(huge.body.data.shop.id).toStartWith('gid://shopify/Shop/')
    fault({ slow_share: 1, slow_ms: [60_000, 60_000], left: 1 })
    const late = fetch(`${api.url}/admin/api/2026-10/graphql.json`, {
      method: 'POST',
      headers: { 'x-shopify-access-token': api.token },
      body: shop,
      signal: AbortSignal.timeout(100),
    })
    await expect(late).rejects.toThrow()
  })
})

describe('the shop', () => {
  test('may have a life behind it, whose ids exceed 2^53, and a bulk query tells of all of it', async () => {
    const shop = createShop({ seed: 'lived', events: 4, locations: 2, lag_ms_max: 0, by_namespace: true })
    shop.live(300)
    api = await start({ world: shop.world })
    const run = await ask('bulk-run', { query: document('bulk-inner-products') })
    const lines = await linesOf((await finished(run.bulkOperationRunQuery.bulkOperation.id)).url)
    const variants = api.shop.variants.map(({ id }) => `gid://shopify/ProductVariant/${id}`)
    expect(
      lines.flatMap(({ id }) => (String(id).includes('/ProductVariant/') ? [String(id)] : [])).toSorted(),
    ).toEqual(variants.toSorted())
    expect(variants.some((gid) => BigInt(gid.split('/').at(-1) ?? 0) > 2n ** 53n)).toBe(true)
    const told = (await (await fetch(`${api.url}/control/truth`)).json()) as Answered
    expect(told.truth).toEqual(JSON.parse(JSON.stringify(shop.truth())))
    expect(told.mutations).toMatchObject([{ name: 'bulkOperationRunQuery', outcome: 'applied' }])
  })

  test('sends what was changed to whoever subscribed, with the metafields that were asked for', async () => {
    const received: { topic: string; id: string; event: string; body: string }[] = []
    const listener = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const header = (name: string) => request.headers.get(`x-shopify-${name}`) ?? ''
        const body = await request.text()
        received.push({ topic: header('topic'), id: header('webhook-id'), event: header('event-id'), body })
        return new Response('')
      },
    })
    try {
      for (const [path, metafieldNamespaces] of [
        ['bare', []],
        ['named', ['onsale']],
      ] as const) {
        await ask('webhook-create', {
          topic: 'PRODUCTS_CREATE',
          sub: { uri: `${listener.url}${path}`, metafieldNamespaces },
        })
      }
      const metafields = [
        { namespace: 'onsale', key: 'subtitle', type: 'single_line_text_field', value: 'By night' },
        { namespace: 'other', key: 'note', type: 'single_line_text_field', value: 'Hush' },
      ]
      await ask('event-create-productset', { input: concert({ metafields }) })
      await api.courier.idle()
      expect(received.map(({ topic }) => topic)).toEqual(['products/create', 'products/create'])
      expect(new Set(received.map(({ event }) => event)).size).toBe(1)
      expect(new Set(received.map(({ id }) => id)).size).toBe(2)
      const told = received.map(({ body }) => JSON.parse(body).metafields?.length ?? null)
      expect(told.toSorted()).toEqual([1, null])
    } finally {
      await listener.stop(true)
    }
  })

  test('tells Onsale of an event, its stock, its sales and its end by webhooks that are taken', async () => {
    const database = await testDatabase()
    const service = await runService(database)
    try {
      api = await start({
        world: newWorld({ lag_ms_max: 200 }),
        url: service.url,
        faults: { duplicates: 1, shuffle: true, later_ms: 1, bucket_size: 100_000 },
      })
      const metafields = [
        { namespace: 'onsale', key: 'starts_at', type: 'date_time', value: '2030-06-01T18:00:00Z' },
      ]
      const { product, item, here, variant } = await stocked({ metafields })
      const id = product.split('/').at(-1)
      const seen = async () => {
        await api.courier.idle()
        return await service.ask(`GET /events/shopify:${id}`)
      }
      const first = await until(seen, ({ status }) => status === 200)
      expect(first.body).toMatchObject({ title: 'A concert', starts_at: '2030-06-01T18:00:00.000Z' })
      const { body: list } = await service.ask('GET /events')
      expect(list).toMatchObject({ total: 1 })

      await setStock({ item, at: here, quantity: 50, from: 30 })
      await control('orders', { variant_id: variant.split('/').at(-1), quantity: 4 })
      const counts = ({ body }: { body: Record<string, unknown> }) =>
        (body.tickets as { available: number; sold: number }[]).map(({ available, sold }) => [
          available,
          sold,
        ])
      const sold = await until(
        seen,
        (answer) => counts(answer)[0]?.[1] === 4 && counts(answer)[0]?.[0] === 46,
      )
      expect(counts(sold)[0]).toEqual([46, 4])

      await ask('event-delete', { id: product })
      expect((await until(seen, ({ status }) => status === 404)).status).toBe(404)
      expect(api.courier.counts().lost).toBe(0)
      await expectVerified(database.service)
    } finally {
      await service.stop()
      await database.drop()
    }
  }, 60_000)
})

// ---- asking ---------------------------------------------------------------------------------------------------

// biome-ignore lint/suspicious/noExplicitAny: answers are as various as the documents, and every test says what it expects
type Answered = Record<string, any>

function document(name: string): string {
  const text = documents.get(name)
  if (text === undefined) throw new Error(`There is no document ${name}`)
  return text
}

/** The data of a document that is answered without errors above it. */
async function ask(name: string, variables: object = {}): Promise<Answered> {
  asked.add(name)
  const { body } = await post(JSON.stringify({ query: document(name), variables }))
  expect(body.errors).toBeUndefined()
  return body.data
}

async function post(body: string, version = '2026-10', at = api) {
  const response = await fetch(`${at.url}/admin/api/${version}/graphql.json`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-shopify-access-token': at.token },
    body,
  })
  const text = await response.text()
  const read = (): Answered | null => {
    try {
      return JSON.parse(text)
    } catch {
      return null
    }
  }
  return { status: response.status, headers: response.headers, length: text.length, body: read() as Answered }
}

async function control(path: string, body: unknown) {
  const address = `${api.url}/control${path === '' ? '' : `/${path}`}`
  const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as object }
}

function fault(faults: Partial<Faults>): void {
  Object.assign(api.faults, NO_FAULTS, { bucket_size: 100_000 }, faults)
}

/** Asks until the answer is the wanted one, at most some seconds. */
async function until<Got>(look: () => Promise<Got>, isWanted: (got: Got) => boolean): Promise<Got> {
  const end = performance.now() + 10_000
  let got = await look()
  while (!isWanted(got) && performance.now() < end) {
    await Bun.sleep(5)
    got = await look()
  }
  return got
}

async function finished(id: string): Promise<Answered> {
  const { bulkOperation } = await until(
    () => ask('bulk-status', { id }),
    (answer) => answer.bulkOperation.completedAt !== null,
  )
  return bulkOperation
}

async function linesOf(url: string): Promise<Record<string, unknown>[]> {
  const text = await (await fetch(url)).text()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

// ---- what is asked --------------------------------------------------------------------------------------------

function concert(over: object = {}) {
  return {
    title: 'A concert',
    status: 'ACTIVE',
    productOptions: [{ name: 'Ticket', values: [{ name: 'Seated' }, { name: 'Standing' }] }],
    variants: [ticket('Seated'), ticket('Standing')],
    ...over,
  }
}

function ticket(name: string, over: object = {}) {
  return {
    optionValues: [{ optionName: 'Ticket', name }],
    price: '20.00',
    inventoryItem: { tracked: true },
    ...over,
  }
}

function stockAt(locationId: string, quantity: number) {
  return [{ locationId, name: 'available', quantity }]
}

async function locations(): Promise<string[]> {
  const { locations: list } = await ask('shop-locations')
  return list.nodes.map(({ id }: { id: string }) => id)
}

/** An event whose first ticket has 30 units at the first of two locations. */
async function stocked(over: object = {}) {
  const [here = '', there = ''] = await locations()
  const variants = [ticket('Seated', { inventoryQuantities: stockAt(here, 30) }), ticket('Standing')]
  const { productSet } = await ask('event-create-productset', { input: concert({ variants, ...over }) })
  const { id: product, variants: made } = productSet.product
  const variant = made.nodes[0].id as string
  return { product: product as string, variant, item: made.nodes[0].inventoryItem.id as string, here, there }
}

async function setStock({
  item,
  at,
  quantity,
  from = null,
  key = crypto.randomUUID(),
}: {
  item: string
  at: string
  quantity: number
  from?: number | null
  key?: string
}): Promise<Answered> {
  const quantities = [{ inventoryItemId: item, locationId: at, quantity, changeFromQuantity: from }]
  const { inventorySetQuantities } = await ask('inventory-set', {
    idempotencyKey: key,
    input: { name: 'available', reason: 'correction', quantities },
  })
  return inventorySetQuantities
}

function availableOf(item: string): number | undefined {
  return api.shop.stocked(item)?.item.levels[0]?.available
}

function codes({ userErrors }: Answered): string[] {
  return userErrors.map(({ code }: { code: string }) => code)
}

function quantityOf(name: string) {
  return ({ quantities }: { quantities?: unknown }) =>
    (quantities as { name: string; quantity: number }[]).find((one) => one.name === name)?.quantity
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `gid://shopify/ProductVariant/${n + 1}`)
}
