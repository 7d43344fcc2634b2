import { GraphQLError } from 'graphql'
import {
  type AdminShop,
  type BulkOperation,
  digestOf,
  gidOf,
  namespaceOf,
  type Operation,
  type Publication,
  type ShownMetafield,
  type Subscription,
} from './admin_state.ts'
import { amount, eventMetafields, financialStatus, isDone, optionName } from './payloads.ts'
import {
  currentQuantity,
  type Id,
  type Image,
  type Item,
  inventoryQuantity,
  type Level,
  type Line,
  type Location,
  type Order,
  type Product,
  type Refund,
  type Variant,
} from './records.ts'

/** What a request carries to the resolvers */
export interface Context {
  /** In a bulk operation every connection is whole, and `first` plays no part */
  readonly bulk: boolean
  readonly api_version: string
  /** Where a bulk operation's file is fetched */
  readonly fileUrl: (operation: BulkOperation) => string
  /** Counted once a request, when somebody asks */
  committed?: Map<Level, number>
}

export interface PageArgs {
  readonly first?: number | null
  readonly after?: string | null
  readonly reverse?: boolean | null
}

/** Records -> what GraphQL shows of them. What costs something is a function, so that only those who ask pay. */
export function createViews(shop: AdminShop) {
  const facts = shop.world.shop
  const money = (cents: number) => amount(facts, cents)

  return {
    product,
    variant,
    item,
    level,
    location,
    order,
    metafield,
    metafieldsOf,
    operation,
    bulkOperation,
    publication,
    subscription,
  }

  function product(of: Product) {
    return {
      ...identity('Product', of.id),
      title: of.title,
      handle: of.handle,
      status: of.status.toUpperCase(),
      productType: of.product_type,
      vendor: of.vendor,
      tags: [...of.tags].sort(),
      descriptionHtml: of.body_html,
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      publishedAt: of.status === 'active' && publicationsOf(of) > 0 ? time(of.created_us) : null,
      variantsCount: { count: of.variants.length, precision: 'EXACT' },
      resourcePublicationsCount: { count: publicationsOf(of), precision: 'EXACT' },
      options: () => [option(of)],
      variants: (args: PageArgs & { sortKey: string }, context: Context) =>
        connection(of.variants, {
          args,
          context,
          key: ({ id, position }) => (args.sortKey === 'ID' ? padded(id) : padded(String(position))),
          view: variant,
        }),
      metafields: (args: PageArgs & { namespace?: string | null }, context: Context) => {
        const wanted = args.namespace ? namespaceOf(args.namespace) : null
        const fields = metafieldsOf(of).filter(({ namespace }) => wanted === null || namespace === wanted)
        return connection(fields, { args, context, key: ({ id }) => padded(id), view: metafield })
      },
      metafield: ({ namespace, key }: { namespace?: string | null; key: string }) => {
        const found = metafieldsOf(of).find(
          (field) => field.namespace === namespaceOf(namespace) && field.key === key,
        )
        return found ? metafield(found) : null
      },
      media: (args: PageArgs, context: Context) =>
        connection(
          of.images.map((image, nth) => ({ image, nth })),
          {
            args,
            context,
            key: ({ nth }) => padded(String(nth)),
            view: ({ image }) => medium(image),
          },
        ),
    }
  }

  function medium({ id, src, alt, width, height }: Image) {
    return {
      __typename: 'MediaImage',
      id: gidOf('MediaImage', id),
      alt,
      mediaContentType: 'IMAGE',
      preview: { image: { url: src, width, height } },
    }
  }

  function publicationsOf(of: Product): number {
    return shop.published.get(of)?.size ?? 0
  }

  function option(of: Product) {
    return {
      id: gidOf('ProductOption', of.option_id),
      name: optionName(of),
      position: 1,
      optionValues: of.variants.map(({ id, title }) => ({
        id: gidOf('ProductOptionValue', id),
        name: title,
      })),
    }
  }

  function metafieldsOf(of: Product): ShownMetafield[] {
    const own = eventMetafields(of).map(({ key, type, value }) => ({
      id: of.metafield_ids[key],
      namespace: 'onsale',
      key,
      type,
      value,
      created_us: of.created_us,
      updated_us: of.updated_us,
    }))
    return [...own, ...of.other_metafields]
  }

  function metafield(of: ShownMetafield) {
    const { namespace, key, type, value } = of
    return {
      __typename: 'Metafield',
      id: gidOf('Metafield', of.id),
      namespace,
      key,
      type,
      value,
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      compareDigest: digestOf(value),
    }
  }

  function variant(of: Variant) {
    return {
      ...identity('ProductVariant', of.id),
      title: of.title,
      sku: of.sku,
      price: money(of.price_cents),
      compareAtPrice: of.compare_at_price_cents === null ? null : money(of.compare_at_price_cents),
      position: of.position,
      inventoryPolicy: of.oversell ? 'CONTINUE' : 'DENY',
      inventoryQuantity: inventoryQuantity(of.item),
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      selectedOptions: () => [{ name: optionName(of.product), value: of.title }],
      inventoryItem: () => item(of.item),
      product: () => product(of.product),
    }
  }

  function item(of: Item) {
    return {
      ...identity('InventoryItem', of.id),
      sku: of.sku,
      tracked: of.tracked,
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      inventoryLevels: (args: PageArgs, context: Context) =>
        connection(
          of.levels.filter(({ connected }) => connected),
          { args, context, key: ({ gid }) => padded(gid), view: level },
        ),
      inventoryLevel: (args: { locationId: string; includeInactive: boolean }) => {
        const wanted = shop.location(args.locationId)
        const shown = of.levels.filter(({ connected }) => connected || args.includeInactive)
        const found = shown.find(({ location }) => location === wanted)
        return found ? level(found) : null
      },
      variants: (args: PageArgs, context: Context) =>
        connection(
          shop.variants.filter((candidate) => candidate.item === of),
          { args, context, key: ({ id }) => padded(id), view: variant },
        ),
    }
  }

  function level(of: Level) {
    return {
      __typename: 'InventoryLevel',
      id: `${gidOf('InventoryLevel', of.gid)}?inventory_item_id=${of.item.id}`,
      isActive: of.connected,
      createdAt: time(of.item.created_us),
      updatedAt: time(of.updated_us),
      item: () => item(of.item),
      location: () => location(of.location),
      quantities: ({ names }: { names: readonly string[] }, context: Context) => {
        context.committed ??= shop.committed()
        const committed = context.committed.get(of) ?? 0
        const known: Record<string, number> = {
          available: of.available,
          committed,
          on_hand: of.available + committed,
        }
        return names.map((name) => ({ name, quantity: known[name] ?? 0, updatedAt: time(of.updated_us) }))
      },
    }
  }

  function location(of: Location) {
    return {
      ...identity('Location', of.id),
      name: of.name,
      isActive: true,
      fulfillsOnlineOrders: true,
      shipsInventory: false,
      updatedAt: '2026-01-05T09:00:00Z',
    }
  }

  function order(of: Order) {
    return {
      ...identity('Order', of.id),
      name: `#${of.number}`,
      test: of.test,
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      cancelledAt: of.cancelled_us === null ? null : time(of.cancelled_us),
      closedAt:
        of.cancelled_us !== null ? time(of.cancelled_us) : of.paid && isDone(of) ? time(of.updated_us) : null,
      cancelReason: of.cancelled_us === null ? null : 'CUSTOMER',
      displayFinancialStatus: financialStatus(of).toUpperCase(),
      lineItems: (args: PageArgs, context: Context) =>
        connection(of.lines, { args, context, key: ({ id }) => padded(id), view: line }),
      refunds: ({ first }: PageArgs) => of.refunds.slice(0, first ?? of.refunds.length).map(refund),
    }
  }

  function line(of: Line) {
    const open = of.variant && !of.variant.product.deleted ? of.variant : null
    return {
      __typename: 'LineItem',
      id: gidOf('LineItem', of.id),
      title: of.title,
      sku: of.sku,
      quantity: of.quantity,
      currentQuantity: currentQuantity(of),
      unfulfilledQuantity: Math.max(0, currentQuantity(of) - of.fulfilled),
      variant: () => (open && !open.removed ? variant(open) : null),
      product: () => (open ? product(open.product) : null),
    }
  }

  function refund(of: Refund) {
    return {
      __typename: 'Refund',
      id: gidOf('Refund', of.id),
      createdAt: time(of.created_us),
      refundLineItems: (args: PageArgs, context: Context) =>
        connection(of.lines, {
          args,
          context,
          key: ({ id }) => padded(id),
          view: (part) => ({
            quantity: part.units,
            restockType: part.restock_type.toUpperCase(),
            lineItem: () => line(part.line),
            location: () => (part.location ? location(part.location) : null),
          }),
        }),
    }
  }

  function operation(of: Operation) {
    return {
      __typename: of.kind,
      id: gidOf(of.kind, of.id),
      status: of.status,
      product: () => (of.product && !of.product.deleted ? product(of.product) : null),
      deletedProductId: of.deleted?.deleted ? gidOf('Product', of.deleted.id) : null,
      userErrors: of.errors,
    }
  }

  function bulkOperation(of: BulkOperation) {
    const size = of.lines.reduce((bytes, text) => bytes + Buffer.byteLength(text) + 1, 0)
    const has = of.completed_us !== null && of.lines.length > 0
    return {
      __typename: 'BulkOperation',
      id: gidOf('BulkOperation', of.id),
      type: 'QUERY',
      status: of.status,
      errorCode: of.error_code,
      query: of.query,
      createdAt: time(of.created_us),
      completedAt: of.completed_us === null ? null : time(of.completed_us),
      objectCount: String(of.lines.length),
      rootObjectCount: String(of.root_count),
      fileSize: has ? String(size) : null,
      url: (_: unknown, { fileUrl }: Context) => (has && of.status === 'COMPLETED' ? fileUrl(of) : null),
      partialDataUrl: (_: unknown, { fileUrl }: Context) =>
        has && of.status === 'FAILED' ? fileUrl(of) : null,
    }
  }

  function publication(of: Publication) {
    return {
      __typename: 'Publication',
      id: gidOf('Publication', of.id),
      autoPublish: of.auto_publish,
      catalog: { __typename: 'AppCatalog', id: gidOf('AppCatalog', of.catalog_id), title: of.title },
    }
  }

  function subscription(of: Subscription) {
    return {
      ...identity('WebhookSubscription', of.id),
      topic: of.topic,
      uri: of.uri,
      name: of.name,
      format: of.format,
      includeFields: of.include_fields,
      metafieldNamespaces: of.namespaces,
      filter: of.filter,
      createdAt: time(of.created_us),
      updatedAt: time(of.updated_us),
      apiVersion: { handle: of.api_version, supported: true, displayName: of.api_version },
    }
  }
}

export type Views = ReturnType<typeof createViews>

/** What may be asked for at once */
const PAGE_MAX = 250

/** A page of a list in the order of the keys, which say where the next page begins */
export function connection<Of, Shown>(
  list: readonly Of[],
  {
    args,
    context,
    key,
    view,
  }: { args: PageArgs; context: Context; key: (of: Of) => string; view: (of: Of) => Shown },
) {
  if (!context.bulk && typeof args.first !== 'number') {
    throw new GraphQLError('you must provide one of first or last', { extensions: { code: 'BAD_REQUEST' } })
  }
  if (typeof args.first === 'number' && (args.first < 0 || args.first > PAGE_MAX)) {
    throw new GraphQLError(`first must be from 0 to ${PAGE_MAX}`, { extensions: { code: 'BAD_REQUEST' } })
  }
  const keyed = list.map((of) => ({ of, at: key(of) })).sort((a, b) => (a.at < b.at ? -1 : 1))
  if (args.reverse) keyed.reverse()
  const after = context.bulk || !args.after ? null : Buffer.from(args.after, 'base64url').toString()
  const rest = keyed.filter(({ at }) => after === null || (args.reverse ? at < after : at > after))
  const page = context.bulk ? rest : rest.slice(0, args.first ?? PAGE_MAX)
  const edges = page.map(({ of, at }) => ({
    node: view(of),
    cursor: Buffer.from(at).toString('base64url'),
  }))
  return {
    nodes: edges.map(({ node }) => node),
    edges,
    pageInfo: {
      hasNextPage: page.length < rest.length,
      hasPreviousPage: rest.length < keyed.length,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}

/** Digits as text that sorts like the number */
export function padded(digits: Id): string {
  return digits.padStart(20, '0')
}

/** GraphQL's stamps are UTC, cut to the second */
export function time(us: number): string {
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}Z`
}

function identity(kind: string, id: Id) {
  return { __typename: kind, id: gidOf(kind, id), legacyResourceId: id }
}
