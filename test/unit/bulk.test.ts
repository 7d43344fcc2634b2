import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { awaitOperation, startOperation } from '../../src/shopify/bulk.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { answers, type FakeAdminApi, type Play, startFakeAdminApi } from '../shopify.ts'

const gid = 'gid://shopify/BulkOperation/1'
const ordersSince = '2026-09-22T12:00:00.000Z'

let api: FakeAdminApi
let shopify: Shopify
beforeAll(async () => {
  api = await startFakeAdminApi()
})
afterAll(() => api.stop())
beforeEach(() => {
  shopify = createShopify({
    url: api.url,
    tokens: fixedToken('a token'),
    log: createLog({ level: 'silent' }),
    metrics: createMetrics(),
    retryMs: 1,
  })
})

const operation = (more: object): Play =>
  answers({
    data: {
      bulkOperation: {
        id: gid,
        status: 'RUNNING',
        errorCode: null,
        objectCount: '12',
        fileSize: null,
        url: null,
        partialDataUrl: null,
        ...more,
      },
    },
  })
const { signal } = new AbortController()

function wait(...plays: Play[]) {
  api.play(...plays)
  const counts: number[] = []
  const onObjects = (count: number) => counts.push(count)
  const ended = awaitOperation(gid, { kind: 'products', shopify, signal, onObjects, everyMs: 1 })
  return { ended, counts }
}

describe('an operation that is waited for', () => {
  test('is looked at until it has its file', async () => {
    const url = 'https://storage.example/1.jsonl'
    const done = { status: 'COMPLETED', objectCount: '57', fileSize: '9000', url }
    const { ended, counts } = wait(
      operation({ objectCount: '0', status: 'CREATED' }),
      operation({}),
      operation(done),
    )
    expect(await ended).toEqual({ url, bytes: 9_000, objects: 57 })
    expect(counts).toEqual([0, 12])
    expect(api.asked.map(({ variables }) => variables.id)).toEqual([gid, gid, gid])
  })

  test('may have found nothing', async () => {
    const nothing = { status: 'COMPLETED', objectCount: '0' }
    expect(await wait(operation(nothing)).ended).toEqual({ url: null, bytes: 0, objects: 0 })
  })

  test('fails with a sentence where Shopify gave up, and a part of a file is not used', async () => {
    const failed = {
      status: 'FAILED',
      errorCode: 'INTERNAL_SERVER_ERROR',
      partialDataUrl: 'https://storage.example/half',
    }
    const sentences = [
      [failed, 'did not end well (FAILED, INTERNAL_SERVER_ERROR); the part that it wrote is not used'],
      [{ status: 'FAILED', errorCode: 'ACCESS_DENIED' }, 'did not end well (FAILED, ACCESS_DENIED)'],
      [{ status: 'EXPIRED' }, 'did not end well (EXPIRED)'],
      [{ status: 'CANCELED' }, 'did not end well (CANCELED)'],
      [{ status: 'CANCELING' }, 'did not end well (CANCELING)'],
    ] as const
    for (const [state, sentence] of sentences) {
      await expect(wait(operation(state)).ended).rejects.toMatchObject({
        name: 'BulkFailed',
        message: `The bulk operation for products ${sentence}`,
      })
    }
    await expect(wait(answers({ data: { bulkOperation: null } })).ended).rejects.toMatchObject({
      name: 'BulkFailed',
      message: 'Shopify knows the bulk operation for products no longer',
    })
  })

  test('is waited for no longer than somebody wants it', async () => {
    const stopping = new AbortController()
    api.play(operation({}))
    const onObjects = () => stopping.abort(new Error('enough'))
    const ended = awaitOperation(gid, {
      kind: 'orders',
      shopify,
      signal: stopping.signal,
      onObjects,
      everyMs: 60_000,
    })
    await expect(ended).rejects.toThrow('enough')
  })
})

describe('an operation that is begun', () => {
  const begun = answers({ data: { bulkOperationRunQuery: { bulkOperation: { id: gid }, userErrors: [] } } })
  const start = (kind: 'products' | 'orders') => startOperation(kind, { shopify, ordersSince, signal })

  test('asks for everything, and of orders for those since a moment', async () => {
    api.play(begun)
    expect(await start('products')).toBe(gid)
    expect(await start('orders')).toBe(gid)
    expect(api.asked[0]?.variables.query).toContain('products(sortKey: ID)')
    expect(api.asked[1]?.variables.query).toContain(`orders(query: "created_at:>='${ordersSince}'"`)
  })

  test('is found by its query where its answer was lost, and not begun twice', async () => {
    const lost: Play = (_, response) => {
      response.destroy()
    }
    const listed = (query: unknown, createdAt = new Date().toISOString()) =>
      answers({ data: { bulkOperations: { nodes: [{ id: gid, query, createdAt, status: 'RUNNING' }] } } })
    api.play(begun)
    await start('products')
    const query = api.asked[0]?.variables.query

    api.play(lost, listed(query))
    expect(await start('products')).toBe(gid)
    expect(api.asked).toHaveLength(2)
    // Somebody else's, or one of an hour ago, is none of ours.
    api.play(lost, listed('{ products { edges { node { id } } } }'))
    await expect(start('products')).rejects.toMatchObject({ kind: 'unknown_outcome' })
    api.play(lost, listed(query, new Date(Date.now() - 3_600_000).toISOString()))
    await expect(start('products')).rejects.toMatchObject({ kind: 'unknown_outcome' })
  })

  test('says what Shopify has against it', async () => {
    const errors = [
      {
        code: 'OPERATION_IN_PROGRESS',
        field: null,
        message: 'A bulk query operation is already in progress',
      },
    ]
    api.play(answers({ data: { bulkOperationRunQuery: { bulkOperation: null, userErrors: errors } } }))
    await expect(start('products')).rejects.toThrow('A bulk query operation is already in progress')
    api.play(answers({ data: { bulkOperationRunQuery: { bulkOperation: null, userErrors: [] } } }))
    await expect(start('products')).rejects.toThrow('Shopify began no bulk operation for products')
  })
})
