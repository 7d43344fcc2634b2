import { buildSchema } from 'graphql'

/** Topics that can be subscribed to, by the name that GraphQL has for them */
export const TOPICS: Readonly<Record<string, string>> = {
  APP_UNINSTALLED: 'app/uninstalled',
  BULK_OPERATIONS_FINISH: 'bulk_operations/finish',
  INVENTORY_ITEMS_CREATE: 'inventory_items/create',
  INVENTORY_ITEMS_DELETE: 'inventory_items/delete',
  INVENTORY_ITEMS_UPDATE: 'inventory_items/update',
  INVENTORY_LEVELS_CONNECT: 'inventory_levels/connect',
  INVENTORY_LEVELS_DISCONNECT: 'inventory_levels/disconnect',
  INVENTORY_LEVELS_UPDATE: 'inventory_levels/update',
  ORDERS_CANCELLED: 'orders/cancelled',
  ORDERS_CREATE: 'orders/create',
  ORDERS_DELETE: 'orders/delete',
  ORDERS_EDITED: 'orders/edited',
  ORDERS_FULFILLED: 'orders/fulfilled',
  ORDERS_PAID: 'orders/paid',
  ORDERS_PARTIALLY_FULFILLED: 'orders/partially_fulfilled',
  ORDERS_UPDATED: 'orders/updated',
  PRODUCTS_CREATE: 'products/create',
  PRODUCTS_DELETE: 'products/delete',
  PRODUCTS_UPDATE: 'products/update',
  REFUNDS_CREATE: 'refunds/create',
}

/** Versions the fake knows; another one is served as the oldest of them, as Shopify does */
export const API_VERSIONS = ['2026-01', '2026-04', '2026-07', '2026-10'] as const

const payload = (name: string, fields: string, error = 'UserError') =>
  `type ${name}Payload { ${fields} userErrors: [${error}!]! }`

const coded = (...names: string[]) =>
  names.map((name) => `type ${name}UserError { code: String field: [String!] message: String! }`).join('\n')

const connection = (...names: string[]) =>
  names
    .map(
      (name) => `
  type ${name}Connection { nodes: [${name}!]! edges: [${name}Edge!]! pageInfo: PageInfo! }
  type ${name}Edge { node: ${name}! cursor: String! }`,
    )
    .join('\n')

/**
 * The part of Shopify's Admin API that a ticketing service uses: names, arguments and nullability as of 2026-10, so that a
 * wrong field or a missing variable is refused here, too. Codes of user errors are enumerations there, and text here.
 */
export const schema = buildSchema(`
  directive @idempotent(key: String!) on FIELD
  scalar DateTime
  scalar Decimal
  scalar HTML
  scalar Money
  scalar UnsignedInt64
  scalar URL
  schema { query: QueryRoot mutation: Mutation }

  type QueryRoot {
    shop: Shop!
    currentAppInstallation: AppInstallation!
    publicApiVersions: [ApiVersion!]!
    locations(first: Int, after: String, includeInactive: Boolean = false): LocationConnection!
    product(id: ID!): Product
    productByIdentifier(identifier: ProductIdentifierInput!): Product
    products(first: Int, after: String, query: String, sortKey: ProductSortKeys = ID, reverse: Boolean = false): ProductConnection!
    productOperation(id: ID!): ProductOperation
    productVariant(id: ID!): ProductVariant
    productVariants(first: Int, after: String, query: String): ProductVariantConnection!
    inventoryItem(id: ID!): InventoryItem
    inventoryItems(first: Int, after: String, query: String): InventoryItemConnection!
    node(id: ID!): Node
    order(id: ID!): Order
    nodes(ids: [ID!]!): [Node]!
    orders(first: Int, after: String, query: String, sortKey: OrderSortKeys = PROCESSED_AT, reverse: Boolean = false): OrderConnection!
    publications(first: Int, after: String): PublicationConnection!
    bulkOperation(id: ID!): BulkOperation
    bulkOperations(first: Int, after: String, query: String, sortKey: BulkOperationsSortKeys = CREATED_AT, reverse: Boolean = false): BulkOperationConnection!
    webhookSubscriptions(first: Int, after: String, topics: [WebhookSubscriptionTopic!], uri: String): WebhookSubscriptionConnection!
  }

  type Mutation {
    productSet(identifier: ProductSetIdentifiers, input: ProductSetInput!, synchronous: Boolean = true): ProductSetPayload
    productCreate(product: ProductCreateInput, media: [CreateMediaInput!]): ProductCreatePayload
    productUpdate(product: ProductUpdateInput, media: [CreateMediaInput!]): ProductUpdatePayload
    productDelete(input: ProductDeleteInput!, synchronous: Boolean = true): ProductDeletePayload
    productVariantsBulkCreate(productId: ID!, variants: [ProductVariantsBulkInput!]!, strategy: ProductVariantsBulkCreateStrategy = DEFAULT): ProductVariantsBulkCreatePayload
    productVariantsBulkUpdate(productId: ID!, variants: [ProductVariantsBulkInput!]!, allowPartialUpdates: Boolean = false): ProductVariantsBulkUpdatePayload
    productVariantsBulkDelete(productId: ID!, variantsIds: [ID!]!): ProductVariantsBulkDeletePayload
    inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload
    inventoryAdjustQuantities(input: InventoryAdjustQuantitiesInput!): InventoryAdjustQuantitiesPayload
    inventoryActivate(inventoryItemId: ID!, locationId: ID!, available: Int): InventoryActivatePayload
    publishablePublish(id: ID!, input: [PublicationInput!]!): PublishablePublishPayload
    publishableUnpublish(id: ID!, input: [PublicationInput!]!): PublishableUnpublishPayload
    bulkOperationRunQuery(query: String!, groupObjects: Boolean! = false): BulkOperationRunQueryPayload
    bulkOperationCancel(id: ID!): BulkOperationCancelPayload
    webhookSubscriptionCreate(topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!): WebhookSubscriptionCreatePayload
    webhookSubscriptionUpdate(id: ID!, webhookSubscription: WebhookSubscriptionInput!): WebhookSubscriptionUpdatePayload
    webhookSubscriptionDelete(id: ID!): WebhookSubscriptionDeletePayload
    metafieldsSet(metafields: [MetafieldsSetInput!]!): MetafieldsSetPayload
    metafieldsDelete(metafields: [MetafieldIdentifierInput!]!): MetafieldsDeletePayload
    orderCancel(orderId: ID!, reason: OrderCancelReason!, refundMethod: OrderCancelRefundMethodInput, restock: Boolean!): OrderCancelPayload
  }

  interface Node { id: ID! }
  interface Publishable { resourcePublicationsCount: Count }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Count { count: Int! precision: CountPrecision! }
  type UserError { field: [String!] message: String! }
  ${coded(
    'ProductSet',
    'ProductVariantsBulkCreate',
    'ProductVariantsBulkUpdate',
    'ProductVariantsBulkDelete',
    'InventorySetQuantities',
    'InventoryAdjustQuantities',
    'BulkOperation',
    'OrderCancel',
  )}
  type MetafieldsSetUserError { code: String field: [String!] message: String! elementIndex: Int }
  ${connection('BulkOperation', 'InventoryItem', 'InventoryLevel', 'LineItem', 'Location', 'Media', 'Metafield', 'Order')}
  ${connection('Product', 'ProductVariant', 'Publication', 'RefundLineItem', 'WebhookSubscription')}

  type Shop implements Node {
    id: ID! name: String! myshopifyDomain: String! currencyCode: String! ianaTimezone: String!
    plan: ShopPlan! resourceLimits: ShopResourceLimits!
  }
  type ShopPlan { publicDisplayName: String! partnerDevelopment: Boolean! shopifyPlus: Boolean! }
  type ShopResourceLimits { maxProductVariants: Int! locationLimit: Int! }
  type AppInstallation implements Node { id: ID! accessScopes: [AccessScope!]! }
  type AccessScope { handle: String! }
  type ApiVersion { handle: String! supported: Boolean! displayName: String! }
  type Location implements Node {
    id: ID! legacyResourceId: UnsignedInt64! name: String! isActive: Boolean! fulfillsOnlineOrders: Boolean!
    shipsInventory: Boolean! updatedAt: DateTime!
  }
  type Publication implements Node { id: ID! autoPublish: Boolean! catalog: Catalog }
  interface Catalog { id: ID! title: String! }
  type AppCatalog implements Catalog & Node { id: ID! title: String! }

  type Product implements Node & Publishable {
    id: ID! legacyResourceId: UnsignedInt64! title: String! handle: String! status: ProductStatus! productType: String!
    vendor: String! tags: [String!]! descriptionHtml: HTML! createdAt: DateTime! updatedAt: DateTime! publishedAt: DateTime
    variantsCount: Count options: [ProductOption!]!
    variants(first: Int, after: String, sortKey: ProductVariantSortKeys = POSITION): ProductVariantConnection!
    metafields(first: Int, after: String, namespace: String): MetafieldConnection!
    metafield(namespace: String, key: String!): Metafield
    media(first: Int, after: String): MediaConnection!
    resourcePublicationsCount: Count
  }
  interface Media { id: ID! alt: String mediaContentType: MediaContentType! preview: MediaPreviewImage }
  type MediaImage implements Media & Node { id: ID! alt: String mediaContentType: MediaContentType! preview: MediaPreviewImage }
  type MediaPreviewImage { image: Image }
  type Image { url: URL! width: Int height: Int }
  type ProductOption implements Node { id: ID! name: String! position: Int! optionValues: [ProductOptionValue!]! }
  type ProductOptionValue implements Node { id: ID! name: String! }
  type ProductVariant implements Node {
    id: ID! legacyResourceId: UnsignedInt64! title: String! sku: String price: Money! compareAtPrice: Money position: Int!
    inventoryPolicy: ProductVariantInventoryPolicy! inventoryQuantity: Int createdAt: DateTime! updatedAt: DateTime!
    selectedOptions: [SelectedOption!]! inventoryItem: InventoryItem! product: Product!
  }
  type SelectedOption { name: String! value: String! }
  type Metafield implements Node {
    id: ID! namespace: String! key: String! type: String! value: String! createdAt: DateTime! updatedAt: DateTime!
    compareDigest: String!
  }
  interface ProductOperation { status: ProductOperationStatus! product: Product }
  type ProductSetOperation implements Node & ProductOperation {
    id: ID! status: ProductOperationStatus! product: Product userErrors: [ProductSetUserError!]!
  }
  type ProductDeleteOperation implements Node & ProductOperation {
    id: ID! status: ProductOperationStatus! product: Product deletedProductId: ID userErrors: [UserError!]!
  }

  type InventoryItem implements Node {
    id: ID! legacyResourceId: UnsignedInt64! sku: String tracked: Boolean! createdAt: DateTime! updatedAt: DateTime!
    inventoryLevels(first: Int, after: String): InventoryLevelConnection!
    inventoryLevel(locationId: ID!, includeInactive: Boolean = false): InventoryLevel
    variants(first: Int, after: String): ProductVariantConnection
  }
  type InventoryLevel implements Node {
    id: ID! isActive: Boolean! createdAt: DateTime! updatedAt: DateTime! item: InventoryItem! location: Location!
    quantities(names: [String!]!): [InventoryQuantity!]!
  }
  type InventoryQuantity { name: String! quantity: Int! updatedAt: DateTime }
  type InventoryAdjustmentGroup implements Node {
    id: ID! createdAt: DateTime! reason: String! referenceDocumentUri: String changes: [InventoryChange!]!
  }
  type InventoryChange { name: String! delta: Int! quantityAfterChange: Int item: InventoryItem location: Location }

  type Order implements Node {
    id: ID! legacyResourceId: UnsignedInt64! name: String! test: Boolean! createdAt: DateTime! updatedAt: DateTime!
    cancelledAt: DateTime closedAt: DateTime cancelReason: OrderCancelReason displayFinancialStatus: OrderDisplayFinancialStatus
    lineItems(first: Int, after: String): LineItemConnection! refunds(first: Int): [Refund!]!
  }
  type LineItem implements Node {
    id: ID! title: String! sku: String quantity: Int! currentQuantity: Int! unfulfilledQuantity: Int! variant: ProductVariant product: Product
  }
  type Refund implements Node {
    id: ID! createdAt: DateTime refundLineItems(first: Int, after: String): RefundLineItemConnection!
  }
  type RefundLineItem {
    quantity: Int! restockType: RefundLineItemRestockType! lineItem: LineItem! location: Location
  }
  type Job { id: ID! done: Boolean! }

  type BulkOperation implements Node {
    id: ID! type: BulkOperationType! status: BulkOperationStatus! errorCode: BulkOperationErrorCode query: String!
    createdAt: DateTime! completedAt: DateTime objectCount: UnsignedInt64! rootObjectCount: UnsignedInt64!
    fileSize: UnsignedInt64 url: URL partialDataUrl: URL
  }
  type WebhookSubscription implements Node {
    id: ID! legacyResourceId: UnsignedInt64! topic: WebhookSubscriptionTopic! uri: String! name: String
    format: WebhookSubscriptionFormat! includeFields: [String!]! metafieldNamespaces: [String!]! filter: String
    createdAt: DateTime! updatedAt: DateTime! apiVersion: ApiVersion!
  }

  ${payload('ProductSet', 'product: Product productSetOperation: ProductSetOperation', 'ProductSetUserError')}
  ${payload('ProductCreate', 'product: Product')}
  ${payload('ProductUpdate', 'product: Product')}
  ${payload('ProductDelete', 'deletedProductId: ID productDeleteOperation: ProductDeleteOperation')}
  ${payload('ProductVariantsBulkCreate', 'product: Product productVariants: [ProductVariant!]', 'ProductVariantsBulkCreateUserError')}
  ${payload('ProductVariantsBulkUpdate', 'product: Product productVariants: [ProductVariant!]', 'ProductVariantsBulkUpdateUserError')}
  ${payload('ProductVariantsBulkDelete', 'product: Product', 'ProductVariantsBulkDeleteUserError')}
  ${payload('InventorySetQuantities', 'inventoryAdjustmentGroup: InventoryAdjustmentGroup', 'InventorySetQuantitiesUserError')}
  ${payload('InventoryAdjustQuantities', 'inventoryAdjustmentGroup: InventoryAdjustmentGroup', 'InventoryAdjustQuantitiesUserError')}
  ${payload('InventoryActivate', 'inventoryLevel: InventoryLevel')}
  ${payload('PublishablePublish', 'publishable: Publishable')}
  ${payload('PublishableUnpublish', 'publishable: Publishable')}
  ${payload('BulkOperationRunQuery', 'bulkOperation: BulkOperation', 'BulkOperationUserError')}
  ${payload('BulkOperationCancel', 'bulkOperation: BulkOperation')}
  ${payload('WebhookSubscriptionCreate', 'webhookSubscription: WebhookSubscription')}
  ${payload('WebhookSubscriptionUpdate', 'webhookSubscription: WebhookSubscription')}
  ${payload('WebhookSubscriptionDelete', 'deletedWebhookSubscriptionId: ID')}
  ${payload('MetafieldsSet', 'metafields: [Metafield!]', 'MetafieldsSetUserError')}
  ${payload('MetafieldsDelete', 'deletedMetafields: [MetafieldIdentifier]')}
  type MetafieldIdentifier { ownerId: ID! namespace: String! key: String! }
  input MetafieldIdentifierInput { ownerId: ID! namespace: String! key: String! }
  type OrderCancelPayload { job: Job orderCancelUserErrors: [OrderCancelUserError!]! }

  input UniqueMetafieldValueInput { key: String! namespace: String value: String! }
  input ProductSetIdentifiers @oneOf { customId: UniqueMetafieldValueInput handle: String id: ID }
  input ProductIdentifierInput @oneOf { customId: UniqueMetafieldValueInput handle: String id: ID }
  input ProductSetInput {
    title: String handle: String descriptionHtml: String productType: String vendor: String tags: [String!]
    status: ProductStatus files: [FileSetInput!] metafields: [MetafieldInput!] productOptions: [OptionSetInput!]
    variants: [ProductVariantSetInput!]
  }
  input OptionSetInput { id: ID name: String position: Int values: [OptionValueSetInput!] }
  input OptionValueSetInput { id: ID name: String }
  input ProductVariantSetInput {
    id: ID optionValues: [VariantOptionValueInput!]! price: Money compareAtPrice: Money sku: String barcode: String
    position: Int inventoryPolicy: ProductVariantInventoryPolicy inventoryItem: InventoryItemInput
    inventoryQuantities: [ProductSetInventoryInput!] taxable: Boolean
  }
  input ProductSetInventoryInput { locationId: ID! name: String! quantity: Int! }
  input FileSetInput { id: ID alt: String contentType: FileContentType filename: String originalSource: String }
  input VariantOptionValueInput { id: ID name: String optionId: ID optionName: String }
  input InventoryItemInput { sku: String tracked: Boolean requiresShipping: Boolean cost: Decimal }
  input MetafieldInput { id: ID namespace: String key: String type: String value: String }
  input ProductCreateInput {
    title: String handle: String descriptionHtml: String productType: String vendor: String tags: [String!]
    status: ProductStatus metafields: [MetafieldInput!] productOptions: [OptionCreateInput!]
  }
  input OptionCreateInput { name: String position: Int values: [OptionValueCreateInput!] }
  input OptionValueCreateInput { name: String }
  input CreateMediaInput { alt: String mediaContentType: MediaContentType! originalSource: String! }
  input ProductUpdateInput {
    id: ID title: String handle: String descriptionHtml: String productType: String vendor: String tags: [String!]
    status: ProductStatus metafields: [MetafieldInput!]
  }
  input ProductDeleteInput { id: ID! }
  input ProductVariantsBulkInput {
    id: ID optionValues: [VariantOptionValueInput!] price: Money compareAtPrice: Money barcode: String
    inventoryPolicy: ProductVariantInventoryPolicy inventoryItem: InventoryItemInput
    inventoryQuantities: [InventoryLevelInput!] quantityAdjustments: [InventoryAdjustmentInput!] taxable: Boolean
  }
  input InventoryLevelInput { availableQuantity: Int! locationId: ID! }
  input InventoryAdjustmentInput { adjustment: Int changeFromQuantity: Int locationId: ID! }
  input InventorySetQuantitiesInput {
    name: String! quantities: [InventoryQuantityInput!]! reason: String! referenceDocumentUri: String
  }
  input InventoryQuantityInput { changeFromQuantity: Int inventoryItemId: ID! locationId: ID! quantity: Int! }
  input InventoryAdjustQuantitiesInput {
    name: String! changes: [InventoryChangeInput!]! reason: String! referenceDocumentUri: String
  }
  input InventoryChangeInput {
    changeFromQuantity: Int delta: Int! inventoryItemId: ID! ledgerDocumentUri: String locationId: ID!
  }
  input PublicationInput { publicationId: ID publishDate: DateTime }
  input WebhookSubscriptionInput {
    uri: String format: WebhookSubscriptionFormat includeFields: [String!] metafieldNamespaces: [String!] filter: String
    name: String
  }
  input MetafieldsSetInput {
    ownerId: ID! namespace: String key: String! type: String value: String! compareDigest: String
  }
  input OrderCancelRefundMethodInput @oneOf {
    originalPaymentMethodsRefund: Boolean storeCreditRefund: OrderCancelStoreCreditRefundInput
  }
  input OrderCancelStoreCreditRefundInput { expiresAt: DateTime }

  enum CountPrecision { AT_LEAST EXACT }
  enum ProductStatus { ACTIVE ARCHIVED DRAFT UNLISTED }
  enum ProductOperationStatus { ACTIVE COMPLETE CREATED }
  enum ProductVariantInventoryPolicy { CONTINUE DENY }
  enum ProductVariantsBulkCreateStrategy { DEFAULT PRESERVE_STANDALONE_VARIANT REMOVE_STANDALONE_VARIANT }
  enum ProductSortKeys { CREATED_AT ID TITLE UPDATED_AT }
  enum ProductVariantSortKeys { ID POSITION }
  enum OrderSortKeys { CREATED_AT ID PROCESSED_AT UPDATED_AT }
  enum OrderCancelReason { CUSTOMER DECLINED FRAUD INVENTORY OTHER STAFF }
  enum OrderDisplayFinancialStatus { AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED }
  enum RefundLineItemRestockType { CANCEL LEGACY_RESTOCK NO_RESTOCK RETURN }
  enum BulkOperationStatus { CANCELED CANCELING COMPLETED CREATED EXPIRED FAILED RUNNING }
  enum BulkOperationType { MUTATION QUERY }
  enum BulkOperationErrorCode { ACCESS_DENIED INTERNAL_SERVER_ERROR TIMEOUT }
  enum BulkOperationsSortKeys { COMPLETED_AT CREATED_AT }
  enum WebhookSubscriptionFormat { JSON XML }
  enum WebhookSubscriptionTopic { ${Object.keys(TOPICS).join(' ')} }
  enum MediaContentType { EXTERNAL_VIDEO IMAGE MODEL_3D VIDEO }
  enum FileContentType { EXTERNAL_VIDEO FILE IMAGE MODEL_3D VIDEO }
`)
