/** A document of the Admin API, with what it takes and answers. Its name is a label of metrics. */
export type Document<Variables, Result> = {
  name: string
  text: string
  isQuery: boolean
  /** Is sent with an idempotency key. */
  isIdempotent: boolean
  // Known to the compiler alone.
  readonly takes?: Variables
  readonly answers?: Result
}

function document<Variables, Result>(text: string): Document<Variables, Result> {
  const [, kind, name = ''] = /^\s*(query|mutation) (\w+)/.exec(text) ?? []
  return { name, text, isQuery: kind === 'query', isIdempotent: text.includes('@idempotent(') }
}

// What is asked of Shopify, as it is spelled there. Ids are like gid://shopify/Product/1, money is text like "25.00".
// Each document names no more than 100 nodes of a list at once: a call may cost 1,000 points.

export type EventStatus = 'ACTIVE' | 'ARCHIVED' | 'DRAFT' | 'UNLISTED'
export type Metafield = { namespace: string; key: string; type: string; value: string }

/** What of an event is its product's; what is left out stays. */
export type EventFields = {
  title?: string
  descriptionHtml?: string
  handle?: string
  status?: EventStatus
  productType?: string
  tags?: string[]
  vendor?: string
  metafields?: Metafield[]
}

type TicketFields = {
  price?: string
  /** Null takes it away. */
  compareAtPrice?: string | null
  inventoryPolicy?: 'CONTINUE' | 'DENY'
  /** A ticket's name is the value of its only option. */
  optionValues?: { optionName: string; name: string }[]
  metafields?: Metafield[]
}
type InventoryItem = { sku?: string; tracked?: boolean; requiresShipping?: boolean }

/** A ticket that is made with its event. */
export type NewEventTicket = TicketFields & {
  optionValues: { optionName: string; name: string }[]
  price: string
  sku?: string
  position?: number
  inventoryItem: InventoryItem
  inventoryQuantities?: { locationId: string; name: 'available'; quantity: number }[]
}

export type NewEvent = EventFields & {
  title: string
  productOptions: { name: string; position: number; values: { name: string }[] }[]
  variants: NewEventTicket[]
  files?: { originalSource: string; alt?: string; contentType: 'IMAGE' }[]
}

/** A ticket that is added to an event. */
export type NewTicket = TicketFields & {
  optionValues: { optionName: string; name: string }[]
  price: string
  inventoryItem: InventoryItem
  inventoryQuantities?: { locationId: string; availableQuantity: number }[]
}

/** A change of a ticket; what is left out stays. */
export type TicketChange = TicketFields & { id: string; inventoryItem?: InventoryItem }

export type WrittenTicket = { id: string; title: string; sku: string | null; inventoryItem: { id: string } }
export type WrittenEvent = { id: string; handle: string; status: EventStatus; updatedAt: string }
type Page = { hasNextPage: boolean; endCursor: string | null }

/** What an event is named by: its id, or the handle that it was made with. */
export type EventIdentifier = { id: string } | { handle: string }

/**
 * Makes an event with all of its tickets. With an `identifier` that exists it is that event which is set, and the tickets that
 * are not named are deleted.
 */
export const createEvent = document<
  { identifier?: EventIdentifier; input: NewEvent },
  { productSet: { product: (WrittenEvent & { variants: { nodes: WrittenTicket[] } }) | null } }
>(`mutation EventCreate($identifier: ProductSetIdentifiers, $input: ProductSetInput!) {
  productSet(identifier: $identifier, input: $input, synchronous: true) {
    product {
      id
      handle
      status
      updatedAt
      variants(first: 100) { nodes { id title sku inventoryItem { id } } }
    }
    userErrors { code field message }
  }
}`)

/** Changes what of an event is its product's. */
export const updateEvent = document<
  { product: EventFields & { id: string } },
  { productUpdate: { product: WrittenEvent | null } }
>(`mutation EventUpdate($product: ProductUpdateInput!) {
  productUpdate(product: $product) {
    product { id handle status updatedAt }
    userErrors { field message }
  }
}`)

/** Deletes an event with its tickets, for good. */
export const deleteEvent = document<{ id: string }, { productDelete: { deletedProductId: string | null } }>(
  `mutation EventDelete($id: ID!) {
  productDelete(input: { id: $id }, synchronous: true) {
    deletedProductId
    userErrors { field message }
  }
}`,
)

/** Where events are published: the shop's channels. */
export const listPublications = document<
  Record<string, never>,
  { publications: { nodes: { id: string; autoPublish: boolean; catalog: { title: string } | null }[] } }
>(`query PublicationList {
  publications(first: 50) { nodes { id autoPublish catalog { title } } }
}`)

type Publications = { id: string; input: { publicationId: string }[] }

/** Publishes an event where it is told; where it is already, nothing happens. */
export const publishEvent = document<Publications, { publishablePublish: object }>(
  `mutation EventPublish($id: ID!, $input: [PublicationInput!]!) {
  publishablePublish(id: $id, input: $input) { userErrors { field message } }
}`,
)

/** Takes an event back from where it is told. */
export const unpublishEvent = document<Publications, { publishableUnpublish: object }>(
  `mutation EventUnpublish($id: ID!, $input: [PublicationInput!]!) {
  publishableUnpublish(id: $id, input: $input) { userErrors { field message } }
}`,
)

type ChangedEvent = { id: string; updatedAt: string }

/** Adds tickets to an event. */
export const createTickets = document<
  { productId: string; variants: NewTicket[] },
  {
    productVariantsBulkCreate: { product: ChangedEvent | null; productVariants: WrittenTicket[] | null }
  }
>(`mutation TicketsCreate($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $productId, variants: $variants) {
    product { id updatedAt }
    productVariants { id title sku inventoryItem { id } }
    userErrors { code field message }
  }
}`)

/** Changes tickets of an event, all or none; never their stock. */
export const updateTickets = document<
  { productId: string; variants: TicketChange[] },
  { productVariantsBulkUpdate: { productVariants: (WrittenTicket & { updatedAt: string })[] | null } }
>(`mutation TicketsUpdate($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $productId, variants: $variants, allowPartialUpdates: false) {
    productVariants { id title sku updatedAt inventoryItem { id } }
    userErrors { code field message }
  }
}`)

/** Deletes tickets of an event; one has to stay. */
export const deleteTickets = document<
  { productId: string; variantsIds: string[] },
  { productVariantsBulkDelete: { product: ChangedEvent | null } }
>(`mutation TicketsDelete($productId: ID!, $variantsIds: [ID!]!) {
  productVariantsBulkDelete(productId: $productId, variantsIds: $variantsIds) {
    product { id updatedAt }
    userErrors { code field message }
  }
}`)

/** Takes metafields away; those that are not there are passed by. */
export const deleteMetafields = document<
  { metafields: { ownerId: string; namespace: string; key: string }[] },
  { metafieldsDelete: object }
>(`mutation MetafieldsDelete($metafields: [MetafieldIdentifierInput!]!) {
  metafieldsDelete(metafields: $metafields) { userErrors { field message } }
}`)

/**
 * Adds to what is available, or takes from it, so that a sale at the same moment is not lost. `changeFromQuantity` has to be
 * said, be it null for whatever it is: without it Shopify refuses the call, which its schema does not say.
 */
export const adjustInventory = document<
  {
    input: {
      name: 'available'
      reason: string
      referenceDocumentUri?: string
      changes: {
        inventoryItemId: string
        locationId: string
        delta: number
        changeFromQuantity: number | null
      }[]
    }
  },
  { inventoryAdjustQuantities: { inventoryAdjustmentGroup: { id: string; createdAt: string } | null } }
>(`mutation InventoryAdjust($input: InventoryAdjustQuantitiesInput!, $idempotencyKey: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $idempotencyKey) {
    inventoryAdjustmentGroup { id createdAt }
    userErrors { code field message }
  }
}`)

/**
 * What a location has of a ticket, be the ticket sold from there or not. A change of stock does not say what came of it: of
 * `quantityAfterChange` Shopify answers null.
 */
export const getLevel = document<
  { inventoryItemId: string; locationId: string },
  {
    inventoryItem: {
      inventoryLevel: {
        isActive: boolean
        updatedAt: string
        quantities: { name: string; quantity: number }[]
      } | null
    } | null
  }
>(`query LevelGet($inventoryItemId: ID!, $locationId: ID!) {
  inventoryItem(id: $inventoryItemId) {
    inventoryLevel(locationId: $locationId, includeInactive: true) {
      isActive
      updatedAt
      quantities(names: ["available"]) { name quantity }
    }
  }
}`)

/** Lets a location stock a ticket, with so many units. */
export const activateInventory = document<
  { inventoryItemId: string; locationId: string; available?: number },
  { inventoryActivate: { inventoryLevel: { id: string } | null } }
>(`mutation InventoryActivate($inventoryItemId: ID!, $locationId: ID!, $available: Int, $idempotencyKey: String!) {
  inventoryActivate(inventoryItemId: $inventoryItemId, locationId: $locationId, available: $available)
    @idempotent(key: $idempotencyKey) {
    inventoryLevel { id }
    userErrors { field message }
  }
}`)

/** The shop's locations that are open. */
export const listLocations = document<
  { after?: string | null },
  {
    locations: { nodes: { id: string; name: string; fulfillsOnlineOrders: boolean }[]; pageInfo: Page }
  }
>(`query LocationList($after: String) {
  locations(first: 50, after: $after) {
    nodes { id name fulfillsOnlineOrders }
    pageInfo { hasNextPage endCursor }
  }
}`)

/** What a subscription is told to be; what is left out stays. */
export type SubscriptionFields = {
  uri?: string
  format?: 'JSON' | 'XML'
  metafieldNamespaces?: string[]
}

export type ReadSubscription = {
  id: string
  /** ORDERS_CREATE for orders/create. */
  topic: string
  uri: string
  format: 'JSON' | 'XML'
  includeFields: string[]
  metafieldNamespaces: string[]
  filter: string | null
  apiVersion: { handle: string }
}

/** The app's webhook subscriptions of this shop; those of the app's own configuration are not among them. */
export const listSubscriptions = document<
  { after?: string | null },
  { webhookSubscriptions: { nodes: ReadSubscription[]; pageInfo: Page } }
>(`query SubscriptionList($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri format includeFields metafieldNamespaces filter apiVersion { handle } }
    pageInfo { hasNextPage endCursor }
  }
}`)

/** Has webhooks of a topic sent. */
export const createSubscription = document<
  { topic: string; fields: SubscriptionFields & { uri: string } },
  { webhookSubscriptionCreate: { webhookSubscription: { id: string } | null } }
>(`mutation SubscriptionCreate($topic: WebhookSubscriptionTopic!, $fields: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $fields) {
    webhookSubscription { id }
    userErrors { field message }
  }
}`)

/** Changes a subscription. */
export const updateSubscription = document<
  { id: string; fields: SubscriptionFields },
  { webhookSubscriptionUpdate: { webhookSubscription: { id: string } | null } }
>(`mutation SubscriptionUpdate($id: ID!, $fields: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $fields) {
    webhookSubscription { id }
    userErrors { field message }
  }
}`)

/** Ends a subscription. */
export const deleteSubscription = document<
  { id: string },
  { webhookSubscriptionDelete: { deletedWebhookSubscriptionId: string | null } }
>(`mutation SubscriptionDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { field message }
  }
}`)

export type ReadOrder = {
  id: string
  createdAt: string
  updatedAt: string
  cancelledAt: string | null
  closedAt: string | null
  test: boolean
}
export type ReadOrderLine = {
  id: string
  quantity: number
  currentQuantity: number
  /** Null: the ticket is not in the shop any more, or never was one of its products. */
  variant: { id: string } | null
}

/** An order of Shopify's checkout, its lines page by page. Null: there is none, or none that we may see. */
export const getOrder = document<
  { id: string; after?: string | null },
  { order: (ReadOrder & { lineItems: { nodes: ReadOrderLine[]; pageInfo: Page } }) | null }
>(`query OrderGet($id: ID!, $after: String) {
  order(id: $id) {
    id
    createdAt
    updatedAt
    cancelledAt
    closedAt
    test
    lineItems(first: 50, after: $after) {
      nodes { id quantity currentQuantity variant { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`)

/** Whether there is such a record. */
export const getRecord = document<{ id: string }, { node: { id: string } | null }>(
  `query RecordGet($id: ID!) {
  node(id: $id) { id }
}`,
)

export type ReadLevel = {
  isActive: boolean
  updatedAt: string
  location: { id: string }
  quantities: { name: string; quantity: number }[]
}

/** What the locations have of a ticket, page by page. Null: it has no stock any more. */
export const getInventoryItem = document<
  { id: string; after?: string | null },
  {
    inventoryItem: {
      id: string
      tracked: boolean
      updatedAt: string
      inventoryLevels: { nodes: ReadLevel[]; pageInfo: Page }
    } | null
  }
>(`query InventoryItemGet($id: ID!, $after: String) {
  inventoryItem(id: $id) {
    id
    tracked
    updatedAt
    inventoryLevels(first: 50, after: $after) {
      nodes { isActive updatedAt location { id } quantities(names: ["available"]) { name quantity } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`)

export type ReadTicket = WrittenTicket & {
  price: string
  compareAtPrice: string | null
  position: number
  inventoryPolicy: 'CONTINUE' | 'DENY'
  updatedAt: string
  inventoryItem: {
    id: string
    tracked: boolean
    inventoryLevels: {
      nodes: {
        isActive: boolean
        updatedAt: string
        location: { id: string }
        quantities: { name: string; quantity: number }[]
      }[]
      pageInfo: Page
    }
  }
}

/**
 * An event as it is in the shop, with its tickets page by page and what each location has of them. Null: there is none. This is
 * how a write whose outcome is unknown is looked for.
 */
export const getEvent = document<
  { identifier: EventIdentifier; after?: string | null },
  {
    productByIdentifier:
      | (WrittenEvent & { title: string; tags: string[]; variants: { nodes: ReadTicket[]; pageInfo: Page } })
      | null
  }
>(`query EventGet($identifier: ProductIdentifierInput!, $after: String) {
  productByIdentifier(identifier: $identifier) {
    id
    handle
    status
    updatedAt
    title
    tags
    variants(first: 20, after: $after, sortKey: POSITION) {
      nodes {
        id
        title
        sku
        price
        compareAtPrice
        position
        inventoryPolicy
        updatedAt
        inventoryItem {
          id
          tracked
          inventoryLevels(first: 10) {
            nodes { isActive updatedAt location { id } quantities(names: ["available"]) { name quantity } }
            pageInfo { hasNextPage endCursor }
          }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}`)

export type FoundEvent = WrittenEvent & {
  title: string
  descriptionHtml: string
  productType: string
  options: { name: string }[]
  metafields: { nodes: { key: string; type: string; value: string }[] }
}

/** What of an event is its product's, without its tickets, so that it costs few points. Null: there is none. */
export const findEvent = document<
  { identifier: EventIdentifier },
  { productByIdentifier: FoundEvent | null }
>(`query EventFind($identifier: ProductIdentifierInput!) {
  productByIdentifier(identifier: $identifier) {
    id
    handle
    status
    updatedAt
    title
    descriptionHtml
    productType
    options { name }
    metafields(first: 10, namespace: "onsale") { nodes { key type value } }
  }
}`)

export type FoundTicket = {
  id: string
  title: string
  sku: string | null
  price: string
  compareAtPrice: string | null
  updatedAt: string
  inventoryItem: { id: string; tracked: boolean }
}

/** A ticket without its stock. Null: there is none. */
export const findTicket = document<{ id: string }, { productVariant: FoundTicket | null }>(
  `query TicketFind($id: ID!) {
  productVariant(id: $id) {
    id
    title
    sku
    price
    compareAtPrice
    updatedAt
    inventoryItem { id tracked }
  }
}`,
)

/** The tickets of an event page by page, without their stock. Null: there is no such event. */
export const listTickets = document<
  { id: string; after?: string | null },
  { product: { id: string; updatedAt: string; variants: { nodes: FoundTicket[]; pageInfo: Page } } | null }
>(`query TicketList($id: ID!, $after: String) {
  product(id: $id) {
    id
    updatedAt
    variants(first: 100, after: $after) {
      nodes { id title sku price compareAtPrice updatedAt inventoryItem { id tracked } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`)

/** The shop by the name that its webhooks bear, and what the token may do there. */
export const getShop = document<
  Record<string, never>,
  {
    shop: { myshopifyDomain: string; currencyCode: string }
    currentAppInstallation: { accessScopes: { handle: string }[] }
  }
>(`query ShopGet {
  shop { myshopifyDomain currencyCode }
  currentAppInstallation { accessScopes { handle } }
}`)

// Bulk operations: Shopify runs a query over everything there is and writes the answer into a file, one record a line, those of a
// connection after the record that they belong to. At most five connections, two deep; `first` plays no part.

/** Every product with its variants, its metafields of ours and its images. */
export const bulkProducts = document<Record<string, never>, never>(`query BulkProducts {
  products(sortKey: ID) {
    edges {
      node {
        id
        title
        status
        productType
        tags
        descriptionHtml
        updatedAt
        variants {
          edges {
            node {
              id
              title
              sku
              price
              compareAtPrice
              position
              inventoryPolicy
              inventoryQuantity
              selectedOptions { value }
              inventoryItem { id }
            }
          }
        }
        metafields(namespace: "onsale") { edges { node { id namespace key type value } } }
        media { edges { node { id alt mediaContentType preview { image { url width height } } } } }
      }
    }
  }
}`)

/** Every inventory item with what each location has of it. */
export const bulkInventory = document<Record<string, never>, never>(`query BulkInventory {
  inventoryItems {
    edges {
      node {
        id
        tracked
        updatedAt
        inventoryLevels {
          edges { node { id updatedAt location { id } quantities(names: ["available"]) { name quantity } } }
        }
      }
    }
  }
}`)

/** Orders since a day, which takes the place of `1970-01-01`: bulk operations know no variables. */
export const bulkOrders = document<Record<string, never>, never>(`query BulkOrders {
  orders(query: "created_at:>='1970-01-01T00:00:00Z'", sortKey: CREATED_AT) {
    edges {
      node {
        id
        test
        createdAt
        updatedAt
        cancelledAt
        closedAt
        lineItems { edges { node { id quantity currentQuantity variant { id } } } }
      }
    }
  }
}`)

/** Has Shopify run a query in bulk. */
export const startBulk = document<
  { query: string },
  { bulkOperationRunQuery: { bulkOperation: { id: string } | null } }
>(`mutation BulkStart($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { id }
    userErrors { code field message }
  }
}`)

export type BulkStatus = 'CANCELED' | 'CANCELING' | 'COMPLETED' | 'CREATED' | 'EXPIRED' | 'FAILED' | 'RUNNING'

/** How far a bulk operation is. Its url is null where it found nothing; counts are text. Null: there is none of this id. */
export const getBulk = document<
  { id: string },
  {
    bulkOperation: {
      id: string
      status: BulkStatus
      errorCode: string | null
      objectCount: string
      fileSize: string | null
      url: string | null
      partialDataUrl: string | null
    } | null
  }
>(`query BulkGet($id: ID!) {
  bulkOperation(id: $id) { id status errorCode objectCount fileSize url partialDataUrl }
}`)

/** The newest bulk operations with their queries: where one that was asked for is found when the answer was lost. */
export const listBulks = document<
  Record<string, never>,
  { bulkOperations: { nodes: { id: string; query: string; createdAt: string; status: BulkStatus }[] } }
>(`query BulkList {
  bulkOperations(first: 10, query: "operation_type:query", sortKey: CREATED_AT, reverse: true) {
    nodes { id query createdAt status }
  }
}`)

/** Shopify's name for what we know by its number: gid://shopify/Product/1. */
export function gidOf(
  kind: 'Product' | 'ProductVariant' | 'InventoryItem' | 'Location' | 'Order',
  id: string,
): string {
  return `gid://shopify/${kind}/${id}`
}

/** The number in such a name. Not for levels of inventory, whose number is nothing that anybody else names. */
export function idOfGid(gid: string): string {
  const id = /^gid:\/\/shopify\/[A-Za-z]+\/(\d+)$/.exec(gid)?.[1]
  if (id === undefined)
    throw new Error(`Expected an id like gid://shopify/Product/1, not "${gid.slice(0, 100)}"`)
  return id
}
