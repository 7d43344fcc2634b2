import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type DocumentNode,
  execute,
  GraphQLError,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql'
import { type Faults, type Mishap, mishapOf, NO_FAULTS, readFaults } from './admin_faults.ts'
import { AdminShop, type BulkOperation } from './admin_state.ts'
import { type Courier, startCourier } from './courier.ts'
import { createBulkRuns } from './graphql_bulk.ts'
import { actualCost, Bucket, requestedCost } from './graphql_cost.ts'
import { createRoot } from './graphql_root.ts'
import { API_VERSIONS, schema } from './graphql_schema.ts'
import { type Context, createViews } from './graphql_views.ts'
import { createRandom } from './random.ts'
import type { World } from './world.ts'

export interface AdminApiOptions {
  /** The shop as it is when the server starts; from then on its clock is the machine's */
  world: World
  /** What X-Shopify-Access-Token must say */
  token: string
  /** Signs the webhooks */
  secret: string
  /** Where all webhooks go, whether or not somebody subscribed; default: nowhere */
  url?: string | null
  /** Default 0: a free one */
  port?: number
  /** Default: nothing goes wrong */
  faults?: Partial<Faults>
  /** The same seed draws the same faults */
  seed?: string
  /** Lets subscriptions name other machines */
  allow_remote?: boolean
}

/** A running fake of the Admin API; `POST /control` says over HTTP what is done here by hand. */
export interface AdminApi {
  /** `http://127.0.0.1:…`, without a path */
  readonly url: string
  readonly token: string
  readonly shop: AdminShop
  /** What goes wrong now; it may be changed at any time */
  readonly faults: Faults
  readonly courier: Courier
  stop(): Promise<void>
}

/** Starts a shop's Admin API on this machine alone. */
export async function startAdminApi(options: AdminApiOptions): Promise<AdminApi> {
  const { world, token, secret, seed = 'admin', allow_remote = false } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const random = createRandom(`${seed}/faults`)
  const faults: Faults = { ...NO_FAULTS, ...options.faults }
  const bucket = new Bucket(faults.bucket_size, performance.now())
  const shop = new AdminShop(world)
  const courier = startCourier(shop, {
    url: options.url ?? null,
    secret,
    seed,
    options: () => ({
      duplicates: faults.duplicates,
      shuffle: faults.shuffle,
      delay_ms: faults.delay_ms,
    }),
    signal,
  })
  const bulk = createBulkRuns(shop, {
    root: () => root,
    ms: () => faults.bulk_ms,
    fails: () => faults.bulk_fails,
    signal,
  })
  const root = createRoot(shop, {
    bulk,
    later: (work) =>
      setTimeout(() => {
        if (signal.aborted) return
        shop.tick()
        work()
      }, faults.later_ms),
    wantsKeys: () => faults.keys_demanded,
    allow_remote,
  })

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) =>
      send(response, jsonAnswer(500, { errors: error.message })),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, token, shop, faults, courier, stop }

  async function stop(): Promise<void> {
    stopping.abort()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    const version = /^\/admin\/api\/([^/]+)\/graphql\.json$/.exec(pathname)?.[1]
    if (version !== undefined && request.method === 'POST') {
      await answerGraphql(request, response, version)
      return
    }
    const text = await textOf(request)
    send(response, otherAnswer(`${request.method} ${pathname}`, { query: searchParams, text }))
  }

  function otherAnswer(route: string, { query, text }: { query: URLSearchParams; text: string }): Answer {
    if (route.startsWith('GET /bulk/')) return fileOf(route.slice('GET '.length), query)
    if (route === 'GET /control') return jsonAnswer(200, faults)
    if (route === 'POST /control') return control(jsonOf(text))
    if (route === 'DELETE /control') return control({ ...NO_FAULTS, ...options.faults })
    if (route === 'GET /control/truth') return jsonAnswer(200, truthOf(shop, courier))
    if (route === 'POST /control/orders') return sell(jsonOf(text))
    return jsonAnswer(404, { errors: 'Not Found' })
  }

  // ---- GraphQL ------------------------------------------------------------------------------------------------

  async function answerGraphql(
    request: IncomingMessage,
    response: ServerResponse,
    asked: string,
  ): Promise<void> {
    const text = await textOf(request)
    const api_version = API_VERSIONS.find((known) => known === asked) ?? API_VERSIONS[0]
    response.setHeader('X-Shopify-API-Version', api_version)
    response.setHeader('X-Request-Id', crypto.randomUUID())
    const given = requestOf(text)
    const isKnown = request.headers['x-shopify-access-token'] === token
    if (!isKnown || given === null) {
      send(response, isKnown ? jsonAnswer(400, { errors: 'Required parameter missing or invalid' }) : UNKNOWN)
      return
    }
    const read = readDocument(given)
    const mishap = mishapOf(faults, 'fields' in read ? read.fields : [], random)
    if (mishap === 'too_many') {
      response.setHeader('Retry-After', faults.retry_after_s.toFixed(1))
      send(response, jsonAnswer(429, { errors: 'Exceeded limit. Please slow down.' }))
    } else if (mishap === 'error') {
      const status = random.pick([500, 502, 503, 504])
      send(response, jsonAnswer(status, { errors: 'Internal Server Error' }))
    } else {
      const context: Context = { bulk: false, api_version, fileUrl }
      const isThrottled = mishap === 'throttled'
      const result = 'errors' in read ? read : perform(read, { context, isThrottled })
      courier.collect()
      await reply(response, JSON.stringify(result), mishap)
    }
  }

  function perform(
    { document, operation, variables }: Readable,
    { context, isThrottled }: { context: Context; isThrottled: boolean },
  ): object {
    const requested = requestedCost(operation, { document, variables })
    const limits = () => ({
      size: faults.bucket_size,
      rate: faults.restore_rate,
      now_ms: performance.now(),
    })
    const cost = (actual: number | null) => ({
      cost: {
        requestedQueryCost: requested,
        actualQueryCost: actual,
        throttleStatus: bucket.status(limits()),
      },
    })
    if (requested > faults.request_cost_max) {
      const maxCost = faults.request_cost_max
      const message = `Query cost is ${requested}, which exceeds the single query max cost limit (${maxCost}).`
      return refusal(message, 'MAX_COST_EXCEEDED', { cost: requested, maxCost })
    }
    if (isThrottled || !bucket.take(requested, limits())) {
      return { ...refusal('Throttled', 'THROTTLED'), extensions: cost(null) }
    }
    const result = execute({
      schema,
      document,
      rootValue: root,
      contextValue: context,
      variableValues: variables,
    })
    if (result instanceof Promise) throw new Error('Resolvers are expected to answer at once')
    const actual = actualCost(result.data, operation, requested)
    bucket.giveBack(requested - actual, limits())
    return { ...result, extensions: cost(actual) }
  }

  /** Answers with the text, or with what the mishap makes of it; what was done stays done */
  async function reply(response: ServerResponse, text: string, mishap: Mishap | null): Promise<void> {
    if (mishap === 'lost_answer') {
      response.socket?.destroy()
      return
    }
    if (mishap === 'slow') await Bun.sleep(random.int(faults.slow_ms[0], faults.slow_ms[1]))
    send(response, { status: 200, text: mishap === null ? text : spoiled(text, mishap) })
  }

  function spoiled(text: string, mishap: Mishap): string {
    if (mishap === 'huge') return `${text.slice(0, -1)},"padding":"${'x'.repeat(faults.huge_bytes)}"}`
    if (mishap !== 'garbage') return text
    return random.chance(0.5) ? text.slice(0, text.length / 2) : '<html>Something went wrong</html>'
  }

  // ---- files of bulk operations -------------------------------------------------------------------------------

  function fileUrl({ id }: BulkOperation): string {
    const expires = Math.floor(Date.now() / 1000) + 7 * 86_400
    return `${url}/bulk/${id}.jsonl?expires=${expires}&signature=${signatureOf(id, String(expires))}`
  }

  function fileOf(path: string, query: URLSearchParams): Answer {
    const id = /^\/bulk\/(\d+)\.jsonl$/.exec(path)?.[1] ?? ''
    const expires = query.get('expires') ?? ''
    const wanted = Buffer.from(signatureOf(id, expires))
    const given = Buffer.from(query.get('signature') ?? '')
    const isGood = given.length === wanted.length && timingSafeEqual(given, wanted)
    const operation = shop.bulk_operations.find((candidate) => candidate.id === id)
    if (!operation || !isGood || Number(expires) * 1000 < Date.now()) {
      return { status: 403, text: '<Error><Code>AccessDenied</Code></Error>', type: 'application/xml' }
    }
    const text = operation.lines.map((line) => `${line}\n`).join('')
    return { status: 200, text, type: 'application/jsonl' }
  }

  function signatureOf(id: string, expires: string): string {
    return createHmac('sha256', `${secret}/files`).update(`${id} ${expires}`).digest('hex')
  }

  // ---- control ------------------------------------------------------------------------------------------------

  function control(given: unknown): Answer {
    const read = readFaults(given)
    if (typeof read === 'string') return jsonAnswer(400, { errors: read })
    Object.assign(faults, read)
    return jsonAnswer(200, faults)
  }

  /** Somebody buys: what a merchant sees as an order of the shop */
  function sell(given: unknown): Answer {
    const { variant_id, quantity = 1 } = (given ?? {}) as { variant_id?: unknown; quantity?: unknown }
    const variant = shop.variants.find(({ id }) => id === String(variant_id))
    const isUnits = Number.isInteger(quantity) && Number(quantity) > 0
    if (!variant || !isUnits) {
      const errors = 'A "variant_id" of the shop is wanted, and a "quantity" above 0'
      return jsonAnswer(400, { errors })
    }
    shop.tick()
    const order = world.placeOrder([{ variant, units: Number(quantity) }])
    if (!order) return jsonAnswer(409, { errors: 'There are not so many left' })
    return jsonAnswer(200, { order_id: order.id, name: `#${order.number}` })
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly type?: string
}

interface Readable {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly variables: Readonly<Record<string, unknown>>
  /** Names of the fields at the top */
  readonly fields: readonly string[]
}

interface GraphqlRequest {
  readonly query: string
  readonly variables?: Record<string, unknown> | null
  readonly operationName?: string | null
}

/** A list of anything has so many entries at most; productSet, which takes a whole product, is the exception */
const INPUT_LIST_MAX = 250

/** The document and its variables, or what Shopify would say is wrong with them */
function readDocument(given: GraphqlRequest): Readable | { errors: object[] } {
  const document = parsed(given.query)
  if (document instanceof GraphQLError) return { errors: [shownError(document, 'PARSE_ERROR')] }
  const faults = validate(schema, document)
  if (faults.length > 0) return { errors: faults.map((fault) => shownError(fault, codeOf(fault))) }
  const operation = getOperationAST(document, given.operationName)
  if (!operation) return refusal('An operation name is required', 'OPERATION_NAME_REQUIRED')
  const variables = given.variables ?? {}
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables)
  if (coerced.errors) return { errors: coerced.errors.map((error) => shownError(error, 'INVALID_VARIABLE')) }
  const fields = operation.selectionSet.selections.flatMap((selection) =>
    selection.kind === 'Field' ? [selection.name.value] : [],
  )
  const longest = fields.includes('productSet') ? 0 : longestList(variables)
  if (longest > INPUT_LIST_MAX) {
    const message = `The input array size of ${longest} is greater than the maximum allowed of ${INPUT_LIST_MAX}.`
    return refusal(message, 'MAX_INPUT_SIZE_EXCEEDED')
  }
  return { document, operation, variables, fields }
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query)
  } catch (error) {
    if (error instanceof GraphQLError) return error
    throw error
  }
}

function longestList(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0
  const own = Array.isArray(value) ? value.length : 0
  return Object.values(value).reduce((longest: number, part) => Math.max(longest, longestList(part)), own)
}

function refusal(message: string, code: string, more: object = {}) {
  return { errors: [{ message, extensions: { code, ...more } }] }
}

function shownError(error: GraphQLError, code: string): object {
  return { message: error.message, locations: error.locations, extensions: { code } }
}

/** Shopify's code of the faults that a client meets most */
function codeOf({ message }: GraphQLError): string {
  if (message.startsWith('Cannot query field')) return 'undefinedField'
  if (message.startsWith('Unknown argument')) return 'argumentNotAccepted'
  if (message.includes('is required, but it was not provided')) return 'missingRequiredArguments'
  return 'invalidDocument'
}

function requestOf(text: string): GraphqlRequest | null {
  const given = jsonOf(text) as GraphqlRequest | null
  return typeof given?.query === 'string' ? given : null
}

/** What the shop has, as those want it who compare; ids are text */
function truthOf(shop: AdminShop, courier: Courier): object {
  const views = createViews(shop)
  return {
    truth: shop.world.truth(),
    locations: shop.world.locations,
    products: shop.products.map((product) => ({
      id: product.id,
      handle: product.handle,
      title: product.title,
      status: product.status,
      product_type: product.product_type,
      tags: product.tags,
      publications: [...(shop.published.get(product) ?? [])].map(({ title }) => title),
      metafields: views
        .metafieldsOf(product)
        .map(({ namespace, key, type, value }) => ({ namespace, key, type, value })),
      variants: product.variants.map(({ id, title, sku, price_cents, position, oversell, item }) => ({
        id,
        title,
        sku,
        price_cents,
        position,
        oversell,
        inventory_item_id: item.id,
        tracked: item.tracked,
        levels: item.levels
          .filter(({ connected }) => connected)
          .map(({ location, available }) => ({ location_id: location.id, available })),
      })),
    })),
    orders: shop.orders.map(({ id, number, cancelled_us }) => ({
      id,
      name: `#${number}`,
      cancelled: cancelled_us !== null,
    })),
    subscriptions: shop.subscriptions.map(({ id, topic, uri }) => ({ id, topic, uri })),
    webhooks: courier.counts(),
    mutations: shop.log,
  }
}

const UNKNOWN = jsonAnswer(401, {
  errors: '[API] Invalid API key or access token (unrecognized login or wrong password)',
})

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

function jsonAnswer(status: number, body: object): Answer {
  return { status, text: JSON.stringify(body) }
}

function send(response: ServerResponse, { status, text, type = 'application/json' }: Answer): void {
  response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8` })
  response.end(text)
}
