import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setSystemTime, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { shopifyAnswerBytesMax, shopifyRetriesMax, shopifyThrottledMax } from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { type CallOptions, createShopify, type ShopifyOptions } from '../../src/shopify/client.ts'
import {
  adjustInventory,
  createTickets,
  deleteEvent,
  listLocations,
  updateEvent,
} from '../../src/shopify/documents.ts'
import { ShopifyError } from '../../src/shopify/error.ts'
import { openShopify } from '../../src/shopify/shopify.ts'
import { fixedToken, grantedTokens } from '../../src/shopify/tokens.ts'
import { answers, type FakeAdminApi, type Play, pointsBucket, startFakeAdminApi } from '../shopify.ts'

// The client of the Admin API against a server that plays Shopify on a bad day.

const token = 'shpat_5ecret5ecret5ecret'
const lines: Record<string, unknown>[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let api: FakeAdminApi
beforeAll(async () => {
  api = await startFakeAdminApi()
})
beforeEach(() => {
  lines.length = 0
})
afterAll(() => api.stop())

function client(options: Partial<ShopifyOptions> = {}) {
  const metrics = createMetrics()
  const shopify = createShopify({
    url: api.url,
    tokens: fixedToken(token),
    log,
    metrics,
    timeoutMs: 500,
    callMsMax: 5_000,
    retryMs: 1,
    ...options,
  })
  const calls = {
    /** Reads: does no harm when it is repeated. */
    look: (more: CallOptions = {}) => shopify.call(listLocations, {}, more),
    /** A write that must not be done twice. */
    write: (more: CallOptions = {}) => shopify.call(deleteEvent, { id: 'gid://shopify/Product/1' }, more),
    /** A write under a key. */
    adjust: (more: CallOptions = {}) =>
      shopify.call(adjustInventory, { input: adjustment }, { idempotencyKey: 'key-1', ...more }),
  }
  return { ...shopify, ...calls, metrics, shown: () => metrics.registry.metrics() }
}

const adjustment = {
  name: 'available' as const,
  reason: 'correction',
  changes: [
    {
      inventoryItemId: 'gid://shopify/InventoryItem/3',
      locationId: 'gid://shopify/Location/4',
      delta: -3,
      changeFromQuantity: null,
    },
  ],
}

const deleted = answers({
  data: { productDelete: { deletedProductId: 'gid://shopify/Product/1', userErrors: [] } },
})
const graphqlErrors = (code: string, message = 'What Shopify says', data: unknown = undefined): Play =>
  answers({ errors: [{ message, extensions: { code } }], data })
/** Takes what is asked, does it, and is gone before anybody hears of it. */
const lost: Play = (_, response) => void response.destroy()
const silent: Play = () => {}

async function refusal(call: Promise<unknown>): Promise<ShopifyError> {
  const error = await call.then(
    (data) => new Error(`It was answered ${JSON.stringify(data)}`),
    (error: unknown) => error,
  )
  if (!(error instanceof ShopifyError)) throw error
  expect(JSON.stringify([error.message, error.stack, error.faults, String(error.cause)])).not.toContain(token)
  return error
}

describe('a call', () => {
  test('goes out with its document, its variables and the token, and comes back with its data', async () => {
    api.play(deleted)
    expect(await client().write()).toMatchObject({
      productDelete: { deletedProductId: 'gid://shopify/Product/1' },
    })
    expect(api.asked).toMatchObject([
      {
        path: '/admin/api/2026-10/graphql.json',
        token,
        query: deleteEvent.text,
        variables: { id: 'gid://shopify/Product/1' },
      },
    ])
  })

  test('sends null where the stock may be whatever it is, and the key as a variable', async () => {
    api.play(answers({ data: { inventoryAdjustQuantities: { userErrors: [] } } }))
    await client().adjust()
    expect(api.asked[0]?.variables).toEqual({ input: adjustment, idempotencyKey: 'key-1' })
    expect(api.asked[0]?.body).toContain('"changeFromQuantity":null')
  })

  test('is not sent without the key that it needs, nor with one that would protect nothing', async () => {
    api.play(deleted)
    const { call, write } = client()
    expect(await refusal(call(adjustInventory, { input: adjustment }))).toMatchObject({ kind: 'refused' })
    expect(await refusal(write({ idempotencyKey: 'key-1' }))).toMatchObject({ kind: 'refused' })
    expect(api.asked).toEqual([])
  })

  test('is counted by operation and outcome', async () => {
    api.play(deleted, answers({}, 403), deleted)
    const { write, shown } = client()
    await write()
    await refusal(write())
    await write()
    expect(await shown()).toContain('shopify_api_calls_total{operation="EventDelete",outcome="ok"} 2\n')
    expect(await shown()).toContain('shopify_api_calls_total{operation="EventDelete",outcome="refused"} 1\n')
  })

  test('another version than the one asked for is told once', async () => {
    api.play(answers({ data: {} }, 200, { 'x-shopify-api-version': '2027-01' }))
    const { look } = client()
    await look()
    await look()
    expect(lines).toMatchObject([
      { level: 'warn', msg: 'Shopify serves another version', asked: '2026-10', served: '2027-01' },
    ])
  })

  test('the version that was asked for is not worth a word', async () => {
    api.play(answers({ data: {} }, 200, { 'x-shopify-api-version': '2026-10' }))
    await client().look()
    expect(lines).toEqual([])
  })
})

describe('what is refused for good', () => {
  test.each([401, 402, 403, 404, 423, 400])('%d is asked once, and says so', async (status) => {
    api.play(answers('<html>no</html>', status, { 'content-type': 'text/html' }))
    const error = await refusal(client().write())
    expect(error).toMatchObject({ kind: 'refused', isTransient: false })
    expect(error.message).toContain(`(${status})`)
    expect(api.asked).toHaveLength(1)
  })

  test('a document that Shopify does not take', async () => {
    api.play(graphqlErrors('undefinedField', "Field 'nonsense' doesn't exist on type 'Product'"))
    expect(await refusal(client().look())).toMatchObject({
      kind: 'refused',
      message: "LocationList: Field 'nonsense' doesn't exist on type 'Product'",
      codes: ['undefinedField'],
    })
    expect(api.asked).toHaveLength(1)
  })

  test('errors in a single sentence', async () => {
    api.play(answers({ errors: 'Not Found' }))
    expect(await refusal(client().look())).toMatchObject({
      kind: 'refused',
      message: 'LocationList: Not Found',
    })
  })

  test('a redirect is not followed, and nothing is sent to where it leads', async () => {
    const other = await startFakeAdminApi()
    other.play(deleted)
    api.play(answers('', 307, { location: other.url }))
    const error = await refusal(client().write())
    expect(error).toMatchObject({ kind: 'refused' })
    expect(error.message).toContain('307')
    expect(other.asked).toEqual([])
    await other.stop()
  })

  test('a token that Shopify repeats is not repeated', async () => {
    api.play(graphqlErrors('ACCESS_DENIED', `No right for ${token}`))
    expect(await refusal(client().look())).toMatchObject({ message: 'LocationList: No right for [redacted]' })
  })

  test('an address where no token may go', () => {
    for (const url of [
      'http://demo.myshopify.com/admin/api/2026-10/graphql.json',
      'https://demo.myshopify.com/graphql.json',
    ]) {
      expect(() => client({ url })).toThrow('No access token may be sent to demo.myshopify.com')
    }
  })
})

describe('user errors', () => {
  test('are told in our words, with a path as in our other refusals', async () => {
    const userErrors = [
      { message: 'Price must be greater than or equal to 0', field: ['variants', '0', 'price'], code: null },
      {
        message: "The variant 'General' already exists.",
        field: ['variants', '1', 'optionValues', '0', 'name'],
        code: 'VARIANT_ALREADY_EXISTS',
      },
      { message: 'SKU is too long', field: ['variants', '2', 'inventoryItem', 'sku'] },
      { message: 'No such place', field: ['variants', '3', 'inventoryQuantities', '0', 'locationId'] },
      { message: 'Half a \ud83d', field: null },
    ]
    api.play(answers({ data: { productVariantsBulkCreate: { productVariants: null, userErrors } } }))
    const error = await refusal(
      client().call(createTickets, { productId: 'gid://shopify/Product/1', variants: [] }),
    )
    expect(error).toMatchObject({
      kind: 'user_errors',
      isTransient: false,
      codes: ['VARIANT_ALREADY_EXISTS'],
    })
    expect(error.faults).toEqual([
      { message: 'Price must be greater than or equal to 0', field: '/tickets/0/price_cents' },
      { message: 'Another ticket of the event has this name', field: '/tickets/1/name' },
      { message: 'SKU is too long', field: '/tickets/2/sku' },
      { message: 'No such place', field: '/tickets/3/capacity' },
      { message: 'Half a \ufffd', field: null },
    ])
    expect(error.message).toStartWith('Shopify refuses: /tickets/0/price_cents: Price must be')
    expect(api.asked).toHaveLength(1)
  })

  test('of the product are of the event', async () => {
    const userErrors = [{ message: "Title can't be blank", field: ['product', 'title'] }]
    api.play(answers({ data: { productUpdate: { product: null, userErrors } } }))
    const { faults } = await refusal(
      client().call(updateEvent, { product: { id: 'gid://shopify/Product/1' } }),
    )
    expect(faults).toEqual([{ message: "Title can't be blank", field: '/title' }])
  })

  test('that say that it will do later are not the admin’s', async () => {
    const busy = (code: string) =>
      answers({
        data: { inventoryAdjustQuantities: { userErrors: [{ message: 'Later', field: null, code }] } },
      })
    const done = answers({ data: { inventoryAdjustQuantities: { userErrors: [] } } })
    api.play(busy('SERVICE_UNAVAILABLE'), busy('IDEMPOTENCY_CONCURRENT_REQUEST'), done)
    await client().adjust()
    expect(api.asked.map(({ variables }) => variables.idempotencyKey)).toEqual(['key-1', 'key-1', 'key-1'])
  })
})

describe('Shopify on a bad day', () => {
  test.each([500, 502, 503, 504])('a look that is answered %d is repeated, a few times', async (status) => {
    api.play(answers({}, status), answers({ data: {} }))
    await client().look()
    expect(api.asked).toHaveLength(2)
    api.play(answers({}, status))
    expect(await refusal(client().look())).toMatchObject({ kind: 'unavailable', isTransient: true })
    expect(api.asked).toHaveLength(shopifyRetriesMax + 1)
  })

  const unclear: [string, Play][] = [
    ['answered 504', answers({}, 504)],
    ['answered 500', answers({}, 500)],
    ['done and not answered', lost],
    ['not answered in time', silent],
    [
      'answered by half',
      (_, response) => void response.writeHead(200, { 'content-length': 100 }).write('{"da'),
    ],
    ['answered with garbage', answers('nonsense')],
    ['answered with JSON that is no answer', answers([1])],
    ['answered with a page', answers('{"data":{}}', 200, { 'content-type': 'text/html' })],
    ['answered with an internal error', graphqlErrors('INTERNAL_SERVER_ERROR')],
    [
      'done, and what was to be read of it refused',
      graphqlErrors('ACCESS_DENIED', 'No right', { productDelete: { deletedProductId: null } }),
    ],
  ]
  test.each(unclear)('a write that is %s is not repeated: it may have been done', async (_, play) => {
    api.play(play)
    const error = await refusal(client({ timeoutMs: 100 }).write())
    expect(error).toMatchObject({ kind: 'unknown_outcome', isTransient: false })
    expect(error.message).toEndWith(': it may have been done')
    expect(api.asked).toHaveLength(1)
  })

  test('nor is it by the connection, where the one before was kept open', async () => {
    api.play(deleted, lost)
    const { look, write } = client()
    await look()
    expect(await refusal(write())).toMatchObject({ kind: 'unknown_outcome' })
    expect(api.asked).toHaveLength(2)
  })

  test('a write under a key is repeated with the same key when its answer is lost', async () => {
    api.play(lost, silent, answers({ data: { inventoryAdjustQuantities: { userErrors: [] } } }))
    await client({ timeoutMs: 100 }).adjust()
    expect(api.asked.map(({ variables }) => variables.idempotencyKey)).toEqual(['key-1', 'key-1', 'key-1'])
  })

  test('one that stays lost under its key may be tried again later', async () => {
    api.play(lost)
    expect(await refusal(client().adjust())).toMatchObject({ kind: 'unknown_outcome', isTransient: true })
  })

  test('that it could not be repeated does not make it known', async () => {
    api.play(lost, answers({}, 503))
    expect(await refusal(client().adjust())).toMatchObject({ kind: 'unknown_outcome', isTransient: true })
    expect(api.asked).toHaveLength(shopifyRetriesMax + 1)
  })

  test('a write that never left is not unknown', async () => {
    const gone = await startFakeAdminApi()
    await gone.stop()
    const error = await refusal(client({ url: gone.url }).write())
    expect(error).toMatchObject({ kind: 'unavailable', isTransient: true })
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('503 that says for how long is not asked before', async () => {
    api.play(answers({}, 503, { 'retry-after': '0.2' }), answers({ data: {} }))
    await client().look()
    const [first, second] = api.asked.map(({ at }) => at)
    expect(second! - first!).toBeWithin(195, 1_000)
  })

  test('503 is not done, so that a write is repeated, too', async () => {
    api.play(answers({}, 503), deleted)
    await client().write()
    expect(api.asked).toHaveLength(2)
  })

  test('50 MB are not read: they are cut off while they come', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x20)
    let sent = 0
    const endless = Promise.withResolvers<void>()
    api.play((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.on('close', endless.resolve)
      const more = () => {
        while (!response.destroyed && sent < 50 * chunk.length) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    const error = await refusal(client({ timeoutMs: 10_000, callMsMax: 20_000 }).look())
    expect(error).toMatchObject({ kind: 'refused' })
    expect(error.message).toContain(`more than ${shopifyAnswerBytesMax} bytes and was cut off`)
    await endless.promise
    expect(sent).toBeLessThan(30 * 1024 * 1024)
    expect(api.asked).toHaveLength(1)
  })

  test('nor are 50 MB that come packed', async () => {
    const packed = Bun.gzipSync(Buffer.alloc(50 * 1024 * 1024, 0x20))
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    api.play((_, response) => void response.writeHead(200, headers).end(packed))
    expect((await refusal(client({ timeoutMs: 5_000, callMsMax: 9_000 }).look())).message).toContain(
      'cut off',
    )
  })

  test('a length that is announced is enough to refuse', async () => {
    api.play((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 50_000_000 }).write('{')
    })
    expect((await refusal(client().look())).message).toContain('cut off')
  })

  test('while it is down nobody is kept waiting for it', async () => {
    const { look } = client({ breakMs: 60_000 })
    api.play(answers({}, 503))
    for (let nth = 0; nth < 3; nth++) await refusal(look())
    const asked = api.asked.length
    const error = await refusal(look())
    expect(error).toMatchObject({ kind: 'unavailable', isTransient: true, retryAfterMs: 60_000 })
    expect(api.asked).toHaveLength(asked)
  })

  test('who gives up a write does not know what became of it', async () => {
    const heard = Promise.withResolvers<void>()
    api.play(() => heard.resolve())
    const controller = new AbortController()
    const call = client({ timeoutMs: 5_000, callMsMax: 10_000 }).write({ signal: controller.signal })
    await heard.promise
    controller.abort()
    expect(await refusal(call)).toMatchObject({ kind: 'unknown_outcome' })
  })
})

describe('points', () => {
  test('THROTTLED in a 200 waits for what is missing, and goes again', async () => {
    const bucket = pointsBucket({ maximum: 1_000, restoreRate: 500, cost: 400 })
    bucket.drain(1_000)
    api.play(bucket.play)
    const { look, write, shown } = client()
    // 400 of none that are left: 800 ms, less what restores until it comes.
    await look()
    const [first, second] = api.asked.map(({ at }) => at)
    expect(api.asked).toHaveLength(2)
    expect(second! - first!).toBeGreaterThan(100)
    expect(bucket.throttled()).toBe(1)
    expect(await shown()).toContain('shopify_api_throttled_total 1\n')
    // A write is no unknown outcome either: it was not done.
    bucket.drain(400)
    await write()
    expect(bucket.throttled()).toBe(2)
  })

  test('nobody who knows what is left is throttled', async () => {
    const bucket = pointsBucket({ maximum: 400, restoreRate: 2_000, cost: 100 })
    api.play(bucket.play)
    const { write } = client()
    await write()
    await Promise.all(Array.from({ length: 12 }, () => write()))
    expect(bucket.throttled()).toBe(0)
    expect(api.asked).toHaveLength(13)
  })

  test('429 waits as long as it says, also for parts of a second', async () => {
    api.play(answers({}, 429, { 'retry-after': '0.05' }), deleted)
    const { write } = client()
    await write()
    const [first, second] = api.asked.map(({ at }) => at)
    expect(second! - first!).toBeWithin(45, 500)
  })

  test('who is throttled again and again is told so at last, with how long to wait', async () => {
    api.play(answers({}, 429, { 'retry-after': '0.01' }))
    const error = await refusal(client().write())
    expect(error).toMatchObject({ kind: 'throttled', isTransient: true, retryAfterMs: 10 })
    expect(api.asked).toHaveLength(shopifyThrottledMax + 1)
  })

  test('a wait that would be too long is refused, with how long it is', async () => {
    api.play(answers({}, 429, { 'retry-after': '30' }))
    const error = await refusal(client({ callMsMax: 600 }).write())
    expect(error).toMatchObject({ kind: 'throttled', isTransient: true })
    expect(error.retryAfterMs).toBeWithin(29_000, 30_001)
    expect(api.asked).toHaveLength(1)
  })

  test('a look leaves half of the points to writes, and goes behind them', async () => {
    const bucket = pointsBucket({ maximum: 1_000, restoreRate: 1_000, cost: 100 })
    api.play(bucket.play)
    const { look, write } = client()
    await look()
    bucket.drain(500)
    await write()
    // Some 300 are left: a look waits for 600.
    const order: string[] = []
    const waiting = look({ isLook: true }).then(() => order.push('look'))
    await Promise.all([write(), write()].map((call) => call.then(() => order.push('write'))))
    await waiting
    expect(order).toEqual(['write', 'write', 'look'])
    expect(bucket.left()).toBeGreaterThanOrEqual(490)
    expect(bucket.throttled()).toBe(0)
  })

  test('each of several processes takes its part alone', async () => {
    const bucket = pointsBucket({ maximum: 400, restoreRate: 1_000, cost: 100 })
    api.play(bucket.play)
    const processes = Array.from({ length: 2 }, () => client({ processes: 2 }))
    for (const { write } of processes) await write()
    await Promise.all(processes.flatMap(({ write }) => Array.from({ length: 5 }, () => write())))
    expect(api.asked.length - bucket.throttled()).toBe(12)
    expect(bucket.throttled()).toBeLessThanOrEqual(3)
  })

  test('few that are left are told once, until there are more again', async () => {
    const bucket = pointsBucket({ maximum: 1_000, restoreRate: 1, cost: 10 })
    api.play(bucket.play)
    const { look, shown } = client({ lowPercent: 20 })
    const shop = new URL(api.url).host
    await look()
    expect(await shown()).toContain(`shopify_api_points_low{shop="${shop}"} 0\n`)
    bucket.drain(850)
    await look()
    await look()
    expect(await shown()).toContain(`shopify_api_points_low{shop="${shop}"} 1\n`)
    expect(await shown()).toContain(`shopify_api_points_left{shop="${shop}"} 120\n`)
    expect(lines).toMatchObject([
      { level: 'warn', msg: 'Few points of the Admin API are left', left: 130, of: 1_000 },
    ])
    bucket.drain(-800)
    await look()
    expect(await shown()).toContain(`shopify_api_points_low{shop="${shop}"} 0\n`)
  })

  test('who gives up waits no longer, and is not in the way of those behind', async () => {
    api.play(answers({}, 429, { 'retry-after': '0.3' }), deleted)
    const { write, shown } = client()
    const first = write()
    while (!(await shown()).includes('shopify_api_throttled_total 1\n')) await Bun.sleep(1)
    const controller = new AbortController()
    const abandoned = write({ signal: controller.signal })
    const behind = write()
    const givenUp = abandoned.catch((error: unknown) => error)
    controller.abort(new Error('Enough'))
    expect(await givenUp).toEqual(new Error('Enough'))
    await Promise.all([first, behind])
    expect(api.asked).toHaveLength(3)
  })
})

describe('the Admin API that the environment names', () => {
  const open = (env: Record<string, string>) =>
    openShopify(readConfig(env), { log, metrics: createMetrics(), processes: 1 })

  test('is asked under the token that stands there', async () => {
    api.play(answers({ data: {} }))
    await open({ SHOPIFY_API_URL: api.url, SHOPIFY_ACCESS_TOKEN: token })?.call(listLocations, {})
    expect(api.asked).toMatchObject([{ token }])
  })

  test('is asked for a token where there is a client id', async () => {
    api.play(answers({ access_token: 'shpat_1', expires_in: 86_399 }), answers({ data: {} }))
    const env = { SHOPIFY_API_URL: api.url, SHOPIFY_CLIENT_ID: 'app', SHOPIFY_CLIENT_SECRET: 'hunter2' }
    await open(env)?.call(listLocations, {})
    expect(api.asked).toMatchObject([{ path: '/admin/oauth/access_token' }, { token: 'shpat_1' }])
  })

  test('is none without a token, or a shop', () => {
    expect(open({})).toBeNull()
    expect(open({ SHOPIFY_SHOPS: 'one.myshopify.com' })).toBeNull()
  })
})

describe('tokens that are granted', () => {
  afterEach(() => {
    setSystemTime()
  })

  const clientSecret = 'hunter2hunter2'
  const tokensAt = (timeoutMs = 500) =>
    grantedTokens({ apiUrl: api.url, clientId: 'app', clientSecret, timeoutMs })

  /** Grants tokens, a new one each time, and answers calls under the newest alone. */
  function shop() {
    let granted = 0
    const play: Play = (asked, response, request) => {
      if (asked.path !== '/admin/oauth/access_token') {
        const isKnown = asked.token === `shpat_${granted}`
        return answers(isKnown ? { data: {} } : { errors: 'Invalid' }, isKnown ? 200 : 401)(
          asked,
          response,
          request,
        )
      }
      granted++
      return answers({ access_token: `shpat_${granted}`, scope: 'write_products', expires_in: 86_399 })(
        asked,
        response,
        request,
      )
    }
    api.play(play)
    return { granted: () => granted, revoke: () => granted++ }
  }

  test('are asked for once by all who wait, and used until they end', async () => {
    const { granted } = shop()
    const { look } = client({ tokens: tokensAt() })
    await Promise.all([look(), look(), look()])
    await look()
    expect(granted()).toBe(1)
    const [asked] = api.asked
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'app',
      client_secret: clientSecret,
    })
  })

  test('are renewed ahead of their end, and nobody waits for that', async () => {
    const { granted } = shop()
    const tokens = tokensAt()
    const madeAt = Date.now()
    expect(await tokens.get()).toBe('shpat_1')
    setSystemTime(madeAt + 86_399_000 - 300_000)
    expect(await tokens.get()).toBe('shpat_1')
    while (granted() < 2) await Bun.sleep(1)
    while ((await tokens.get()) !== 'shpat_2') await Bun.sleep(1)
    expect(granted()).toBe(2)
  })

  test('are not used past their end', async () => {
    const { granted } = shop()
    const tokens = tokensAt()
    expect(await tokens.get()).toBe('shpat_1')
    setSystemTime(Date.now() + 86_400_000)
    expect(await tokens.get()).toBe('shpat_2')
    expect(granted()).toBe(2)
  })

  test('one that was renewed meanwhile is not renewed again', async () => {
    const { granted } = shop()
    const tokens = tokensAt()
    const first = await tokens.get()
    expect(await tokens.renew(first)).toBe('shpat_2')
    expect(await tokens.renew(first)).toBe('shpat_2')
    expect(granted()).toBe(2)
  })

  test('one that was taken back is renewed once, for all who met it', async () => {
    const { granted, revoke } = shop()
    const { look } = client({ tokens: tokensAt() })
    await look()
    revoke()
    await Promise.all([look(), look()])
    expect(granted()).toBe(3)
  })

  test('where the new one is not accepted either, it is refused', async () => {
    const grant = answers({ access_token: 'shpat_1', expires_in: 86_399 })
    const play: Play = (asked, ...more) =>
      (asked.path.startsWith('/admin/oauth') ? grant : answers({ errors: 'Invalid' }, 401))(asked, ...more)
    api.play(play)
    expect(await refusal(client({ tokens: tokensAt() }).write())).toMatchObject({ kind: 'refused' })
    expect(api.asked.length).toBeLessThanOrEqual(4)
  })

  test.each([
    ['a client that is not known', answers({ error: 'invalid_client' }, 400), 'refused'],
    ['a page', answers('<html>', 200, { 'content-type': 'text/html' }), 'refused'],
    ['a token that no header holds', answers({ access_token: 'a\nb', expires_in: 5 }), 'refused'],
    ['a failure', answers({}, 500), 'unavailable'],
    ['nothing', silent, 'unavailable'],
    ['a lost connection', lost, 'unavailable'],
  ] as const)('a write without a token was not done: %s', async (_, play, kind) => {
    api.play(play)
    const error = await refusal(client({ tokens: tokensAt(50) }).write())
    expect(error).toMatchObject({ kind, isTransient: kind === 'unavailable' })
    expect(`${error.message} ${error.cause}`).not.toContain(clientSecret)
    expect(api.asked.every(({ path }) => path === '/admin/oauth/access_token')).toBe(true)
  })
})
