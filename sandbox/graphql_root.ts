import { GraphQLError, type GraphQLResolveInfo, getDirectiveValues } from 'graphql'
import {
  type AdminShop,
  deleteMetafield,
  digestOf,
  gidOf,
  idOf,
  namespaceOf,
  type Subscription,
  setMetafield,
  type UserError,
  valueFault,
} from './admin_state.ts'
import type { BulkRuns } from './graphql_bulk.ts'
import { createProductMutations } from './graphql_products.ts'
import { API_VERSIONS, schema } from './graphql_schema.ts'
import { createStockMutations } from './graphql_stock.ts'
import { type Context, connection, createViews, type PageArgs, padded } from './graphql_views.ts'
import { inventoryQuantity } from './records.ts'
import { LOCAL } from './target.ts'

interface ListArgs extends PageArgs {
  readonly query?: string | null
  readonly sortKey?: string
}

interface SubscriptionInput {
  readonly uri?: string | null
  readonly name?: string | null
  readonly format?: 'JSON' | 'XML' | null
  readonly includeFields?: readonly string[] | null
  readonly metafieldNamespaces?: readonly string[] | null
  readonly filter?: string | null
}

const METAFIELDS_MAX = 25

/** Of what the fake imitates, these know keys, and are refused without one from 2026-04 on; any other makes nothing of it */
const KEYED = new Set(['inventoryActivate', 'inventoryAdjustQuantities', 'inventorySetQuantities'])

/** What the queries and mutations of the schema do */
export function createRoot(
  shop: AdminShop,
  {
    bulk,
    later,
    wantsKeys,
    allow_remote,
  }: {
    bulk: BulkRuns
    /** Does the work of an asynchronous mutation some time after its answer */
    later: (work: () => void) => void
    wantsKeys: () => boolean
    allow_remote: boolean
  },
) {
  const views = createViews(shop)
  const products = createProductMutations(shop, views, { later })
  const stock = createStockMutations(shop, views)
  const facts = shop.world.shop

  const queries = {
    shop: {
      __typename: 'Shop',
      id: gidOf('Shop', facts.id),
      name: facts.name,
      myshopifyDomain: facts.domain,
      currencyCode: facts.currency,
      ianaTimezone: 'Europe/Berlin',
      plan: { publicDisplayName: 'Shopify Plus', partnerDevelopment: false, shopifyPlus: true },
      resourceLimits: { maxProductVariants: 2048, locationLimit: 200 },
    },
    currentAppInstallation: {
      id: gidOf('AppInstallation', '1234567'),
      accessScopes: SCOPES.map((handle) => ({ handle })),
    },
    publicApiVersions: [...API_VERSIONS, 'unstable'].map((handle) => ({
      handle,
      supported: handle !== 'unstable',
      displayName: handle,
    })),
    locations: (args: PageArgs, context: Context) =>
      connection(shop.world.locations, { args, context, key: ({ id }) => padded(id), view: views.location }),
    product: ({ id }: { id: string }) => shown(shop.product(id), views.product),
    productByIdentifier: ({ identifier }: { identifier: { handle?: string } }) =>
      shown(products.identified(identifier), views.product),
    products: (args: ListArgs, context: Context) =>
      connection(
        shop.products.filter(
          searched(args.query, {
            id: ({ id }) => padded(id),
            handle: ({ handle }) => handle,
            title: ({ title }) => title.toLowerCase(),
            status: ({ status }) => status,
            product_type: ({ product_type }) => product_type.toLowerCase(),
            vendor: ({ vendor }) => vendor.toLowerCase(),
            tag: ({ tags }) => tags.map((tag) => tag.toLowerCase()),
            created_at: ({ created_us }) => second(created_us),
            updated_at: ({ updated_us }) => second(updated_us),
          }),
        ),
        { args, context, key: sortedBy(args.sortKey), view: views.product },
      ),
    productOperation: ({ id }: { id: string }) => {
      const found = shop.operations.find((operation) => gidOf(operation.kind, operation.id) === id)
      return shown(found ?? null, views.operation)
    },
    productVariant: ({ id }: { id: string }) => shown(shop.variant(id), views.variant),
    productVariants: (args: ListArgs, context: Context) =>
      connection(
        shop.variants.filter(
          searched(args.query, {
            id: ({ id }) => padded(id),
            sku: ({ sku }) => sku.toLowerCase(),
            product_id: ({ product }) => padded(product.id),
            updated_at: ({ updated_us }) => second(updated_us),
            inventory_quantity: ({ item }) => padded(String(inventoryQuantity(item))),
          }),
        ),
        { args, context, key: ({ id }) => padded(id), view: views.variant },
      ),
    inventoryItem: ({ id }: { id: string }) => shown(shop.stocked(id)?.item ?? null, views.item),
    inventoryItems: (args: ListArgs, context: Context) =>
      connection(
        shop.variants
          .map(({ item }) => item)
          .filter(
            searched(args.query, {
              id: ({ id }) => padded(id),
              sku: ({ sku }) => sku.toLowerCase(),
              updated_at: ({ updated_us }) => second(updated_us),
            }),
          ),
        { args, context, key: ({ id }) => padded(id), view: views.item },
      ),
    node: ({ id }: { id: string }) => node(id),
    nodes: ({ ids }: { ids: readonly string[] }) => ids.map(node),
    order: ({ id }: { id: string }) => shown(shop.order(id), views.order),
    orders: (args: ListArgs, context: Context) =>
      connection(
        shop.orders.filter(
          searched(args.query, {
            id: ({ id }) => padded(id),
            name: ({ number }) => `#${number}`,
            created_at: ({ created_us }) => second(created_us),
            updated_at: ({ updated_us }) => second(updated_us),
          }),
        ),
        { args, context, key: sortedBy(args.sortKey), view: views.order },
      ),
    publications: (args: PageArgs, context: Context) =>
      connection(shop.publications, { args, context, key: ({ id }) => padded(id), view: views.publication }),
    bulkOperation: ({ id }: { id: string }) => shown(bulk.find(id), views.bulkOperation),
    bulkOperations: (args: ListArgs, context: Context) =>
      connection(
        shop.bulk_operations.filter(
          searched(args.query, {
            status: ({ status }) => status.toLowerCase(),
            operation_type: () => 'query',
            created_at: ({ created_us }) => second(created_us),
          }),
        ),
        {
          args,
          context,
          key: ({ created_us, completed_us, id }) =>
            stampKey(args.sortKey === 'COMPLETED_AT' ? (completed_us ?? 0) : created_us, id),
          view: views.bulkOperation,
        },
      ),
    webhookSubscriptions: (
      args: PageArgs & { topics?: readonly string[] | null; uri?: string | null },
      context: Context,
    ) =>
      connection(
        shop.subscriptions.filter(
          ({ topic, uri }) =>
            (!args.topics || args.topics.includes(topic)) && (!args.uri || args.uri === uri),
        ),
        { args, context, key: ({ id }) => padded(id), view: views.subscription },
      ),
  }

  const mutations = {
    productSet: products.productSet,
    productCreate: products.productCreate,
    productUpdate: products.productUpdate,
    productDelete: products.productDelete,
    productVariantsBulkCreate: products.productVariantsBulkCreate,
    productVariantsBulkUpdate: products.productVariantsBulkUpdate,
    productVariantsBulkDelete: products.productVariantsBulkDelete,
    ...stock,
    publishablePublish: publish((list, publication) => list.add(publication)),
    publishableUnpublish: publish((list, publication) => list.delete(publication)),
    bulkOperationRunQuery: (args: { query: string; groupObjects: boolean }, context: Context) => {
      const { operation, errors } = bulk.run(args.query, context)
      return { bulkOperation: shown(operation, views.bulkOperation), userErrors: errors }
    },
    bulkOperationCancel: ({ id }: { id: string }) => {
      const operation = bulk.find(id)
      if (operation && bulk.cancel(operation))
        return { bulkOperation: views.bulkOperation(operation), userErrors: [] }
      const message = operation
        ? `A bulk operation cannot be canceled when it is ${operation.status.toLowerCase()}`
        : 'Bulk operation does not exist'
      return {
        bulkOperation: shown(operation, views.bulkOperation),
        userErrors: [{ field: ['id'], message }],
      }
    },
    webhookSubscriptionCreate,
    webhookSubscriptionUpdate,
    webhookSubscriptionDelete,
    metafieldsSet,
    metafieldsDelete,
    orderCancel,
  }

  const logged = Object.entries(mutations).map(([name, resolve]) => [name, once(name, resolve as Resolver)])
  return { ...queries, ...Object.fromEntries(logged) }

  // ---- once: idempotency and the log --------------------------------------------------------------------------

  /** Answers again what was answered under the key, and writes down what reached the shop */
  function once(name: string, resolve: Resolver): Resolver {
    return (args, context, info) => {
      const key = KEYED.has(name) ? keyOf(info) : null
      if (key === null && KEYED.has(name) && wantsKeys() && context.api_version >= '2026-04') {
        throw new GraphQLError(
          'The @idempotent directive is required for this mutation but was not provided.',
          {
            extensions: { code: 'BAD_REQUEST' },
          },
        )
      }
      const fingerprint = JSON.stringify(args)
      const known = key === null ? undefined : shop.answers.get(`${name} ${key}`)
      if (known) {
        const same = known.fingerprint === fingerprint
        if (same && !known.refused) {
          write('replayed')
          return known.payload
        }
        write('refused')
        return refusal(same ? 'IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED' : 'IDEMPOTENCY_KEY_PARAMETER_MISMATCH')
      }
      shop.tick()
      const payload = resolve(args, context, info)
      const refused = errorsOf(payload).length > 0
      if (key !== null) shop.answers.set(`${name} ${key}`, { fingerprint, payload, refused })
      write(refused ? 'refused' : 'applied')
      return payload

      function write(outcome: 'applied' | 'refused' | 'replayed'): void {
        const at = new Date(shop.world.now_us / 1000).toISOString()
        shop.log.push({ name, at, idempotency_key: key, outcome, arguments: args })
      }
    }
  }

  // ---- the smaller mutations ----------------------------------------------------------------------------------

  function publish(change: (list: Set<unknown>, publication: unknown) => void) {
    return ({ id, input }: { id: string; input: readonly { publicationId?: string | null }[] }) => {
      const product = shop.product(id)
      if (!product) {
        return { publishable: null, userErrors: [{ field: ['id'], message: 'Publishable does not exist' }] }
      }
      const wanted = input.map(({ publicationId }) =>
        shop.publications.find(
          (publication) => publicationId && publication.id === idOf('Publication', publicationId),
        ),
      )
      const unknown = wanted.indexOf(undefined)
      if (unknown >= 0) {
        const field = ['input', String(unknown), 'publicationId']
        return { publishable: null, userErrors: [{ field, message: 'Publication does not exist' }] }
      }
      const list = shop.published.get(product) ?? new Set()
      shop.published.set(product, list)
      for (const publication of wanted) change(list, publication)
      shop.tell({ updated: [product] })
      return { publishable: views.product(product), userErrors: [] }
    }
  }

  function webhookSubscriptionCreate(
    { topic, webhookSubscription: input }: { topic: string; webhookSubscription: SubscriptionInput },
    { api_version }: Context,
  ) {
    const errors = uriErrors(topic, input.uri ?? '')
    if (errors.length > 0) return { webhookSubscription: null, userErrors: errors }
    const us = shop.world.now_us
    const subscription: Subscription = {
      id: shop.world.newId('WebhookSubscription'),
      topic,
      api_version,
      uri: input.uri ?? '',
      name: input.name ?? null,
      format: input.format ?? 'JSON',
      include_fields: input.includeFields ?? [],
      namespaces: (input.metafieldNamespaces ?? []).map(namespaceOf),
      filter: input.filter ?? null,
      created_us: us,
      updated_us: us,
    }
    shop.subscriptions.push(subscription)
    return { webhookSubscription: views.subscription(subscription), userErrors: [] }
  }

  function webhookSubscriptionUpdate({
    id,
    webhookSubscription: input,
  }: {
    id: string
    webhookSubscription: SubscriptionInput
  }) {
    const found = subscriptionOf(id)
    if (!found) return { webhookSubscription: null, userErrors: [NO_SUBSCRIPTION] }
    const errors = input.uri ? uriErrors(found.topic, input.uri, found) : []
    if (errors.length > 0) return { webhookSubscription: null, userErrors: errors }
    found.uri = input.uri ?? found.uri
    found.name = input.name ?? found.name
    found.format = input.format ?? found.format
    found.include_fields = input.includeFields ?? found.include_fields
    found.namespaces = input.metafieldNamespaces?.map(namespaceOf) ?? found.namespaces
    found.filter = input.filter ?? found.filter
    found.updated_us = shop.world.now_us
    return { webhookSubscription: views.subscription(found), userErrors: [] }
  }

  function webhookSubscriptionDelete({ id }: { id: string }) {
    const found = subscriptionOf(id)
    if (!found) return { deletedWebhookSubscriptionId: null, userErrors: [NO_SUBSCRIPTION] }
    shop.subscriptions.splice(shop.subscriptions.indexOf(found), 1)
    return { deletedWebhookSubscriptionId: id, userErrors: [] }
  }

  function subscriptionOf(gid: string): Subscription | null {
    const id = idOf('WebhookSubscription', gid)
    return shop.subscriptions.find((subscription) => subscription.id === id) ?? null
  }

  function uriErrors(topic: string, uri: string, self?: Subscription): UserError[] {
    const field = ['webhookSubscription', 'uri']
    const parsed = URL.canParse(uri) ? new URL(uri) : null
    const local = parsed !== null && LOCAL.has(parsed.hostname)
    if (!parsed || !(parsed.protocol === 'https:' || (parsed.protocol === 'http:' && local))) {
      return [{ field, message: 'Address is invalid' }]
    }
    if (!local && !allow_remote) {
      return [{ field, message: 'Address is not on this machine, and the fake shop talks to no other' }]
    }
    const taken = shop.subscriptions.some(
      (other) => other !== self && other.topic === topic && other.uri === uri,
    )
    return taken ? [{ field, message: 'Address for this topic has already been taken' }] : []
  }

  function metafieldsSet({
    metafields: inputs,
  }: {
    metafields: readonly {
      ownerId: string
      namespace?: string | null
      key: string
      type?: string | null
      value: string
      compareDigest?: string | null
    }[]
  }) {
    const errors: UserError[] = []
    const at = (n: number, key: string) => ['metafields', String(n), key]
    if (inputs.length > METAFIELDS_MAX) {
      const message = `Exceeded the maximum metafields input limit of ${METAFIELDS_MAX}`
      errors.push({ code: 'LESS_THAN_OR_EQUAL_TO', field: ['metafields'], message })
    }
    const found = inputs.map((input, n) => {
      const product = shop.product(input.ownerId)
      const namespace = namespaceOf(input.namespace)
      const same = (field: { namespace: string; key: string }) =>
        field.namespace === namespace && field.key === input.key
      const find = () =>
        product === null ? undefined : views.metafieldsOf(product).find((field) => same(field))
      const known = find()
      const type = input.type ?? known?.type
      const fault = type ? valueFault(type, input.value) : "Type can't be blank"
      if (!product) {
        errors.push({
          code: 'INVALID',
          field: at(n, 'ownerId'),
          message: 'Owner does not exist.',
          elementIndex: n,
        })
      } else if (fault) {
        const code = type ? 'INVALID_VALUE' : 'BLANK'
        errors.push({ code, field: at(n, type ? 'value' : 'type'), message: fault, elementIndex: n })
      } else if (
        input.compareDigest !== undefined &&
        input.compareDigest !== (known ? digestOf(known.value) : null)
      ) {
        const message =
          'The resource has been updated since it was loaded. Try again with an updated `compareDigest` value.'
        errors.push({ code: 'STALE_OBJECT', field: at(n, 'compareDigest'), message, elementIndex: n })
      }
      return { input, product, namespace, type, find }
    })
    if (errors.length > 0) return { metafields: null, userErrors: errors }
    for (const { input, product, namespace, type } of found) {
      setMetafield(shop, product!, { namespace, key: input.key, type: type!, value: input.value })
    }
    shop.tell({ updated: [...new Set(found.map(({ product }) => product!))] })
    return { metafields: found.map(({ find }) => views.metafield(find()!)), userErrors: [] }
  }

  function metafieldsDelete({
    metafields,
  }: {
    metafields: readonly { ownerId: string; namespace: string; key: string }[]
  }) {
    const found = metafields.map((field) => ({ ...field, product: shop.product(field.ownerId) }))
    const absent = found.findIndex(({ product }) => product === null)
    if (absent >= 0) {
      const userErrors = [
        { field: ['metafields', String(absent), 'ownerId'], message: 'Owner does not exist.' },
      ]
      return { deletedMetafields: null, userErrors }
    }
    const deletedMetafields = found.map(({ ownerId, namespace, key, product }) =>
      deleteMetafield(product!, { namespace: namespaceOf(namespace), key })
        ? { ownerId, namespace, key }
        : null,
    )
    const changed = found.filter((_, nth) => deletedMetafields[nth] !== null)
    if (changed.length > 0) shop.tell({ updated: [...new Set(changed.map(({ product }) => product!))] })
    return { deletedMetafields, userErrors: [] }
  }

  function orderCancel({
    orderId,
    restock,
    refundMethod,
  }: {
    orderId: string
    restock: boolean
    refundMethod?: object | null
  }) {
    const order = shop.order(orderId)
    const refuse = (code: string, message: string) => ({
      job: null,
      orderCancelUserErrors: [{ code, field: ['orderId'], message }],
    })
    if (!order) return refuse('NOT_FOUND', 'Order does not exist')
    if (order.cancelled_us !== null) return refuse('INVALID', 'Order has already been canceled')
    if (order.fulfillments.length > 0)
      return refuse('INVALID', 'Cannot cancel an order that has fulfillments')
    const refunded = Boolean(refundMethod && Object.values(refundMethod).some(Boolean))
    later(() => order.cancelled_us === null && shop.world.cancelOrder(order, { restock, refunded }))
    return { job: { id: gidOf('Job', crypto.randomUUID()), done: false }, orderCancelUserErrors: [] }
  }

  function node(gid: string): unknown {
    const kind = /^gid:\/\/shopify\/(\w+)\//.exec(gid)?.[1] ?? ''
    if (kind === 'Product') return queries.product({ id: gid })
    if (kind === 'ProductVariant') return queries.productVariant({ id: gid })
    if (kind === 'InventoryItem') return queries.inventoryItem({ id: gid })
    if (kind === 'Location') return shown(shop.location(gid), views.location)
    if (kind === 'Order') return shown(shop.order(gid), views.order)
    if (kind === 'BulkOperation') return queries.bulkOperation({ id: gid })
    if (kind === 'InventoryLevel') return levelOf(gid)
    idOf(kind, gid)
    return null
  }

  function levelOf(gid: string): unknown {
    const id = idOf('InventoryLevel', gid)
    const levels = shop.variants.flatMap(({ item }) => item.levels)
    return shown(levels.find((level) => level.gid === id) ?? null, views.level)
  }
}

type Resolver = (args: object, context: Context, info: GraphQLResolveInfo) => unknown

const SCOPES = [
  'write_products',
  'write_inventory',
  'read_locations',
  'write_orders',
  'read_all_orders',
  'write_publications',
]

const NO_SUBSCRIPTION = { field: ['id'], message: 'Webhook subscription does not exist' }

function keyOf(info: GraphQLResolveInfo): string | null {
  const directive = schema.getDirective('idempotent')!
  for (const field of info.fieldNodes) {
    const values = getDirectiveValues(directive, field, info.variableValues)
    if (typeof values?.key === 'string') return values.key
  }
  return null
}

function refusal(code: string) {
  const message =
    code === 'IDEMPOTENCY_KEY_PARAMETER_MISMATCH'
      ? 'The same idempotency key cannot be used with different operation parameters.'
      : 'A previous request with this idempotency key failed. Retry with a new idempotency key.'
  return { userErrors: [{ code, field: null, message }] }
}

function errorsOf(payload: unknown): readonly UserError[] {
  const { userErrors, orderCancelUserErrors } = payload as Record<string, readonly UserError[]>
  return userErrors ?? orderCancelUserErrors ?? []
}

function shown<Of, Shown>(of: Of | null, view: (of: Of) => Shown): Shown | null {
  return of === null ? null : view(of)
}

interface Stamped {
  readonly id: string
  readonly created_us: number
  readonly updated_us: number
}

function sortedBy(key = 'ID'): (of: Stamped) => string {
  if (key === 'UPDATED_AT') return ({ id, updated_us }) => stampKey(updated_us, id)
  if (key === 'CREATED_AT' || key === 'PROCESSED_AT') return ({ id, created_us }) => stampKey(created_us, id)
  return ({ id }) => padded(id)
}

function stampKey(us: number, id: string): string {
  return `${padded(String(us))} ${padded(id)}`
}

/** Searches see whole seconds, as stamps do */
function second(us: number): string {
  return new Date(Math.floor(us / 1_000_000) * 1000).toISOString()
}

/**
 * Shopify's search language as far as lists are filtered by it: `field:value`, `field:>='value'`, all of them. Fields that
 * are not known do not filter, as there.
 */
function searched<Of>(
  query: string | null | undefined,
  fields: Readonly<Record<string, (of: Of) => string | readonly string[]>>,
): (of: Of) => boolean {
  const tests = [...(query ?? '').matchAll(/(\w+):(>=|<=|>|<|)(?:'([^']*)'|"([^"]*)"|(\S+))/g)].flatMap(
    ([, name = '', compare = '', single, double, bare]) => {
      const read = fields[name]
      const text = single ?? double ?? bare ?? ''
      if (!read) return []
      const wanted = name.endsWith('_at')
        ? instant(text)
        : /^\d+$/.test(text)
          ? padded(text)
          : text.toLowerCase()
      return [
        (of: Of) => {
          const value = read(of)
          if (typeof value !== 'string') return value.includes(wanted)
          if (compare === '>') return value > wanted
          if (compare === '>=') return value >= wanted
          if (compare === '<') return value < wanted
          if (compare === '<=') return value <= wanted
          return value.toLowerCase() === wanted.toLowerCase()
        },
      ]
    },
  )
  return (of) => tests.every((test) => test(of))
}

function instant(text: string): string {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? text : new Date(ms).toISOString()
}
