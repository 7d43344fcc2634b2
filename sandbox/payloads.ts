import {
  type Address,
  type Customer,
  currentQuantity,
  type Fulfillment,
  type Id,
  type Image,
  type Item,
  inventoryQuantity,
  type Level,
  type Line,
  type Order,
  type OrderEdit,
  type Product,
  type Refund,
  type ShopFacts,
  type Variant,
} from './records.ts'

// Webhook bodies as Shopify writes them: JSON text with integer ids of any size, stamps of second precision in the
// shop's own offset, money as strings. Field sets: API 2026-07 as published, plus 2023-10's where the shop says so.

/** Body of orders/create, /updated, /cancelled, /paid, /fulfilled, /partially_fulfilled: one shape for all */
export function orderBody(shop: ShopFacts, order: Order): string {
  const money = (cents: number) => amount(shop, cents)
  const set = (cents: number) => moneySet(shop, cents)
  const sum = (units: (line: Line) => number) =>
    order.lines.reduce((cents, line) => cents + line.price_cents * units(line), 0)
  const total = sum((line) => line.quantity)
  const current = sum(currentQuantity)
  const tax = includedTax(total)
  const currentTax = includedTax(current)
  const created_at = stamp(shop, order.created_us)
  const cancelled_at = order.cancelled_us === null ? null : stamp(shop, order.cancelled_us)
  const done = isDone(order)
  const customer = order.personal ? order.customer : null
  const named = customer && !customer.redacted ? customer : null
  return text({
    id: id(order.id),
    admin_graphql_api_id: gid('Order', order.id),
    app_id: order.source_name === 'pos' ? 129785 : 580111,
    browser_ip: named ? '203.0.113.7' : null,
    buyer_accepts_marketing: false,
    cancel_reason: order.cancelled_us === null ? null : 'customer',
    cancelled_at,
    cart_token: null,
    ...(shop.api_version === '2023-10' ? { checkout_id: id(order.checkout_id) } : {}),
    checkout_token: order.token,
    client_details: null,
    closed_at: cancelled_at ?? (order.paid && done ? stamp(shop, order.updated_us) : null),
    confirmation_number: order.token.slice(0, 9).toUpperCase(),
    confirmed: true,
    ...(order.personal ? { contact_email: named?.email ?? null } : {}),
    created_at,
    currency: shop.currency,
    current_shipping_price_set: set(0),
    current_subtotal_price: money(current),
    current_subtotal_price_set: set(current),
    current_total_additional_fees_set: null,
    current_total_discounts: money(0),
    current_total_discounts_set: set(0),
    current_total_duties_set: null,
    current_total_price: money(current),
    current_total_price_set: set(current),
    current_total_tax: money(currentTax),
    current_total_tax_set: set(currentTax),
    customer_locale: 'en-DE',
    device_id: null,
    discount_codes: [],
    duties_included: false,
    ...(order.personal ? { email: named?.email ?? '' } : {}),
    estimated_taxes: false,
    financial_status: financialStatus(order),
    fulfillment_status: fulfillmentStatus(order),
    landing_site: '/',
    landing_site_ref: null,
    location_id: null,
    merchant_business_entity_id: 'MTU0ODM4MDAwOQ',
    merchant_of_record_app_id: null,
    name: `#${order.number}`,
    note: order.note,
    note_attributes: [],
    number: order.number - 1000,
    order_number: order.number,
    order_status_url: `https://${shop.domain}/${shop.id}/orders/${order.token}/authenticate?key=${order.token.slice(0, 8)}&locale=en`,
    original_total_additional_fees_set: null,
    original_total_duties_set: null,
    payment_gateway_names: order.test ? ['bogus'] : ['shopify_payments'],
    ...(order.personal ? { phone: null } : {}),
    po_number: null,
    presentment_currency: shop.currency,
    processed_at: created_at,
    reference: null,
    referring_site: null,
    source_identifier: null,
    source_name: order.source_name,
    source_url: null,
    subtotal_price: money(total),
    subtotal_price_set: set(total),
    tags: '',
    tax_exempt: false,
    tax_lines: taxLines(shop, total),
    taxes_included: true,
    test: order.test,
    token: order.token,
    total_cash_rounding_payment_adjustment_set: set(0),
    total_cash_rounding_refund_adjustment_set: set(0),
    total_discounts: money(0),
    total_discounts_set: set(0),
    total_line_items_price: money(total),
    total_line_items_price_set: set(total),
    total_outstanding: money(order.paid ? 0 : current),
    total_price: money(total),
    total_price_set: set(total),
    total_shipping_price_set: set(0),
    total_tax: money(tax),
    total_tax_set: set(tax),
    total_tip_received: money(0),
    total_weight: 0,
    updated_at: stamp(shop, order.updated_us),
    user_id: null,
    ...(order.personal ? { billing_address: named ? address(named.address) : null } : {}),
    ...(order.personal ? { customer: customer ? customerFields(shop, customer) : null } : {}),
    discount_applications: [],
    fulfillments: order.fulfillments.map((f, i) => fulfillmentFields(shop, order, f, i + 1)),
    line_item_groups: [],
    line_items: order.lines.map((line) => lineFields(shop, line)),
    payment_terms: null,
    refunds: order.refunds.map((refund) => refundFields(shop, order, refund)),
    returns: [],
    ...(order.personal ? { shipping_address: null } : {}),
    shipping_lines: [],
  })
}

/** Body of refunds/create */
export function refundBody(shop: ShopFacts, order: Order, refund: Refund): string {
  return text(refundFields(shop, order, refund))
}

/** Body of orders/edited: no variant, no stamp of the order */
export function orderEditBody(shop: ShopFacts, edit: OrderEdit): string {
  const changes = (list: OrderEdit['additions']) =>
    list.map(({ line, delta }) => ({ id: id(line.id), delta }))
  return text({
    order_edit: {
      id: id(edit.id),
      app_id: null,
      created_at: stamp(shop, edit.committed_us),
      notify_customer: false,
      order_id: id(edit.order.id),
      staff_note: '',
      user_id: 548380009,
      line_items: { additions: changes(edit.additions), removals: changes(edit.removals) },
      discounts: { line_item: { additions: [], removals: [] } },
      shipping_lines: { additions: [], removals: [] },
      ...(shop.api_version === '2023-10' ? {} : { committed_at: stamp(shop, edit.committed_us) }),
    },
  })
}

/** Body of orders/delete and products/delete */
export function deletedBody(deleted: Id): string {
  return text({ id: id(deleted) })
}

/**
 * Body of products/create and /update. The first 100 variants, newest first, come in full, the others as gids only.
 * `metafields` comes only where the subscription names their namespace: all of them, or those of the namespaces named.
 */
export function productBody(
  shop: ShopFacts,
  product: Product,
  { metafields }: { metafields: boolean | readonly string[] },
): string {
  const newestFirst = [...product.variants].sort(
    (a, b) => b.updated_us - a.updated_us || a.position - b.position,
  )
  const inFull = shop.api_version === '2023-10' ? newestFirst : newestFirst.slice(0, FULL_VARIANTS_MAX)
  const inOrder = inFull.sort((a, b) => a.position - b.position)
  const images = product.images.map((image, i) => imageFields(shop, product, image, i + 1))
  return text({
    id: id(product.id),
    admin_graphql_api_id: gid('Product', product.id),
    body_html: product.body_html,
    created_at: stamp(shop, product.created_us),
    handle: product.handle,
    product_type: product.product_type,
    published_at: product.status === 'active' ? stamp(shop, product.created_us) : null,
    template_suffix: '',
    title: product.title,
    updated_at: stamp(shop, product.updated_us),
    vendor: product.vendor,
    status: product.status,
    published_scope: 'web',
    tags: product.tags.join(', '),
    variants: inOrder.map((variant) => variantFields(shop, variant)),
    options: [optionFields(product)],
    images,
    image: images[0] ?? null,
    ...(shop.api_version === '2023-10'
      ? {}
      : {
          media: product.images.map((image, i) => mediaFields(shop, product, image, i + 1)),
          variant_gids: newestFirst.map((variant) => ({
            admin_graphql_api_id: gid('ProductVariant', variant.id),
            updated_at: new Date(variant.updated_us / 1000).toISOString(),
          })),
          has_variants_that_requires_components: false,
          category: null,
        }),
    ...(metafields === true || (metafields && metafields.length > 0)
      ? { metafields: metafieldsNamed(shop, product, metafields) }
      : {}),
  })
}

/** Shopify sends so many variants in full; of the others only the gid and its stamp */
export const FULL_VARIANTS_MAX = 100

/** Body of inventory_levels/update and /connect. The stamp is the change's; the number may already be newer. */
export function levelBody(shop: ShopFacts, level: Level, { updated_us }: { updated_us: number }): string {
  return text({
    inventory_item_id: id(level.item.id),
    location_id: id(level.location.id),
    available: level.item.tracked ? level.available : null,
    updated_at: stamp(shop, updated_us),
    admin_graphql_api_id: `gid://shopify/InventoryLevel/${level.gid}?inventory_item_id=${level.item.id}`,
  })
}

/** Body of inventory_levels/disconnect: no stamp, no gid */
export function disconnectBody(level: Level): string {
  return text({ inventory_item_id: id(level.item.id), location_id: id(level.location.id) })
}

/** Body of inventory_items/create and /update */
export function itemBody(shop: ShopFacts, item: Item): string {
  return text({
    id: id(item.id),
    sku: item.sku,
    created_at: stamp(shop, item.created_us),
    updated_at: stamp(shop, item.updated_us),
    requires_shipping: false,
    cost: null,
    country_code_of_origin: null,
    province_code_of_origin: null,
    harmonized_system_code: null,
    tracked: item.tracked,
    country_harmonized_system_codes: [],
    weight_value: 0.0,
    weight_unit: 'kg',
    admin_graphql_api_id: gid('InventoryItem', item.id),
  })
}

/** Body of inventory_items/delete */
export function itemDeletedBody(item: Item): string {
  return text({
    id: id(item.id),
    country_code_of_origin: null,
    province_code_of_origin: null,
    harmonized_system_code: null,
    country_harmonized_system_codes: [],
    admin_graphql_api_id: gid('InventoryItem', item.id),
  })
}

/** Body of customers/redact */
export function customerRedactBody(shop: ShopFacts, customer: Customer, orders: readonly Id[]): string {
  return text({ ...customerRequest(shop, customer), orders_to_redact: orders.map(id) })
}

/** Body of customers/data_request */
export function customerDataRequestBody(
  shop: ShopFacts,
  { customer, orders, request_id }: { customer: Customer; orders: readonly Id[]; request_id: Id },
): string {
  return text({
    ...customerRequest(shop, customer),
    orders_requested: orders.map(id),
    data_request: { id: id(request_id) },
  })
}

/** Body of shop/redact */
export function shopRedactBody(shop: ShopFacts): string {
  return text({ shop_id: id(shop.id), shop_domain: shop.domain })
}

/** Body of app/uninstalled: the shop itself */
export function uninstalledBody(shop: ShopFacts): string {
  return text({
    id: id(shop.id),
    name: shop.name,
    email: 'box-office@shop.example',
    domain: shop.domain,
    province: null,
    country: 'DE',
    address1: 'Am Sandtorkai 7',
    zip: '20457',
    city: 'Hamburg',
    source: null,
    phone: '',
    latitude: null,
    longitude: null,
    primary_locale: 'en',
    address2: null,
    created_at: null,
    updated_at: null,
    country_code: 'DE',
    country_name: 'Germany',
    currency: shop.currency,
    customer_email: 'box-office@shop.example',
    timezone: '(GMT+01:00) Europe/Berlin',
    iana_timezone: 'Europe/Berlin',
    shop_owner: 'Mara Lindqvist',
    money_format: '€{{amount}}',
    money_with_currency_format: '€{{amount}} EUR',
    weight_unit: 'kg',
    province_code: null,
    taxes_included: true,
    plan_display_name: 'Shopify Plus',
    plan_name: 'shopify_plus',
    has_discounts: false,
    has_gift_cards: false,
    myshopify_domain: shop.domain,
    primary_location_id: null,
    multi_location_enabled: true,
    setup_required: false,
    pre_launch_enabled: false,
    enabled_presentment_currencies: [shop.currency],
  })
}

/** Body of bulk_operations/finish: its status is in lower case */
export function bulkFinishBody(
  shop: ShopFacts,
  {
    operation,
    at_us,
    created_us = at_us - 30_000_000,
    status = 'completed',
    error_code = null,
  }: { operation: Id; at_us: number; created_us?: number; status?: string; error_code?: string | null },
): string {
  return text({
    admin_graphql_api_id: gid('BulkOperation', operation),
    completed_at: stamp(shop, at_us),
    created_at: stamp(shop, created_us),
    error_code,
    status,
    type: 'query',
  })
}

/** An RFC 3339 stamp as bodies carry it: whole seconds (cut, not rounded) in the shop's own offset */
export function stamp(shop: ShopFacts, us: number): string {
  const local = new Date(Math.floor(us / 1_000_000) * 1000 + shop.utc_offset_min * 60_000)
  return local.toISOString().slice(0, 19) + offset(shop.utc_offset_min)
}

/** What the choice between the product's variants is called */
export function optionName({ variants, option_name }: Product): string {
  return variants.length === 1 && variants[0]?.title === 'Default Title' ? 'Title' : option_name
}

/** The event's own fields as metafields of namespace `onsale`; those that are not set are missing */
export function eventMetafields({
  fields,
}: Product): { key: keyof Product['fields']; type: string; value: string }[] {
  const { subtitle, starts_at, ends_at, venue, per_user_limit } = fields
  const field = (key: keyof Product['fields'], type: string, value: string | null) =>
    value === null ? [] : [{ key, type, value }]
  return [
    ...field('subtitle', 'single_line_text_field', subtitle),
    ...field('starts_at', 'date_time', starts_at && metafieldTime(starts_at)),
    ...field('ends_at', 'date_time', ends_at && metafieldTime(ends_at)),
    ...field('venue', 'json', venue && JSON.stringify(venue)),
    ...field('per_user_limit', 'number_integer', per_user_limit === null ? null : String(per_user_limit)),
  ]
}

/** Minor units as Shopify's money string: `2550` -> `25.50` */
export function amount(shop: ShopFacts, cents: number): string {
  return (cents / 10 ** shop.exponent).toFixed(shop.exponent)
}

// ---- parts --------------------------------------------------------------------------------------------------

function lineFields(shop: ShopFacts, line: Line) {
  const { current_quantity, ...fields } = {
    ...refundedLineFields(shop, line),
    current_quantity: currentQuantity(line),
    sales_line_item_group_id: null,
    attributed_staffs: [],
  }
  return shop.api_version === '2023-10' ? fields : { ...fields, current_quantity }
}

/** A line inside a refund: without `current_quantity`, as Shopify sends it */
function refundedLineFields(shop: ShopFacts, line: Line) {
  const { variant } = line
  const exists = variant !== null && !variant.product.deleted
  return {
    id: id(line.id),
    admin_graphql_api_id: gid('LineItem', line.id),
    fulfillable_quantity: Math.max(0, currentQuantity(line) - line.fulfilled),
    fulfillment_service: 'manual',
    fulfillment_status:
      line.fulfilled === 0 ? null : line.fulfilled < line.quantity ? 'partial' : 'fulfilled',
    gift_card: false,
    grams: 0,
    name: line.variant_title ? `${line.title} - ${line.variant_title}` : line.title,
    price: amount(shop, line.price_cents),
    price_set: moneySet(shop, line.price_cents),
    product_exists: exists,
    product_id: exists ? id(variant.product.id) : null,
    properties: [],
    quantity: line.quantity,
    requires_shipping: false,
    sku: line.sku,
    taxable: true,
    title: line.title,
    total_discount: amount(shop, 0),
    total_discount_set: moneySet(shop, 0),
    variant_id: exists && !variant.removed ? id(variant.id) : null,
    variant_inventory_management: variant?.item.tracked ? 'shopify' : null,
    variant_title: line.variant_title,
    vendor: variant?.product.vendor ?? null,
    tax_lines: taxLines(shop, line.price_cents * line.quantity),
    duties: [],
    discount_allocations: [],
  }
}

function refundFields(shop: ShopFacts, order: Order, refund: Refund) {
  const at = stamp(shop, refund.created_us)
  const worth = refund.lines.reduce((cents, { line, units }) => cents + line.price_cents * units, 0)
  return {
    id: id(refund.id),
    order_id: id(order.id),
    created_at: at,
    note: refund.note,
    user_id: null,
    processed_at: at,
    duties: [],
    total_duties_set: moneySet(shop, 0),
    return: null,
    refund_shipping_lines: [],
    restock: refund.lines.some(({ restock_type }) => restock_type !== 'no_restock'),
    admin_graphql_api_id: gid('Refund', refund.id),
    order_adjustments: [],
    transactions: refund.transaction_id
      ? [
          {
            id: id(refund.transaction_id),
            order_id: id(order.id),
            kind: 'refund',
            gateway: order.test ? 'bogus' : 'shopify_payments',
            status: 'success',
            message: 'Transaction approved',
            created_at: at,
            test: order.test,
            authorization: null,
            location_id: null,
            user_id: null,
            parent_id: null,
            processed_at: at,
            device_id: null,
            error_code: null,
            source_name: order.source_name,
            receipt: {},
            amount: amount(shop, worth),
            currency: shop.currency,
            payment_id: `#${order.number}.${order.refunds.indexOf(refund) + 2}`,
            manual_payment_gateway: false,
            amount_rounding: null,
            total_unsettled_set: unsettledSet(shop),
            admin_graphql_api_id: gid('OrderTransaction', refund.transaction_id),
          },
        ]
      : [],
    refund_line_items: refund.lines.map(({ id: lineId, line, units, restock_type, location }) => ({
      id: id(lineId),
      quantity: units,
      line_item_id: id(line.id),
      location_id: location ? id(location.id) : null,
      restock_type,
      // Numbers here, unlike all other money
      subtotal: (line.price_cents * units) / 10 ** shop.exponent,
      total_tax: includedTax(line.price_cents * units) / 10 ** shop.exponent,
      subtotal_set: moneySet(shop, line.price_cents * units),
      total_tax_set: moneySet(shop, includedTax(line.price_cents * units)),
      line_item: refundedLineFields(shop, line),
    })),
  }
}

function fulfillmentFields(shop: ShopFacts, order: Order, fulfillment: Fulfillment, number: number) {
  const at = stamp(shop, fulfillment.created_us)
  return {
    id: id(fulfillment.id),
    admin_graphql_api_id: gid('Fulfillment', fulfillment.id),
    created_at: at,
    location_id: id(fulfillment.location.id),
    name: `#${order.number}.${number}`,
    order_id: id(order.id),
    origin_address: {},
    receipt: {},
    service: 'manual',
    shipment_status: null,
    status: 'success',
    tracking_company: null,
    tracking_number: null,
    tracking_numbers: [],
    tracking_url: null,
    tracking_urls: [],
    updated_at: at,
    line_items: fulfillment.lines.map(({ line, units }) => ({ ...lineFields(shop, line), quantity: units })),
  }
}

function variantFields(shop: ShopFacts, variant: Variant) {
  return {
    admin_graphql_api_id: gid('ProductVariant', variant.id),
    barcode: null,
    compare_at_price:
      variant.compare_at_price_cents === null ? null : amount(shop, variant.compare_at_price_cents),
    created_at: stamp(shop, variant.created_us),
    id: id(variant.id),
    inventory_policy: variant.oversell ? 'continue' : 'deny',
    position: variant.position,
    price: amount(shop, variant.price_cents),
    product_id: id(variant.product.id),
    sku: variant.sku,
    taxable: true,
    title: variant.title,
    updated_at: stamp(shop, variant.updated_us),
    option1: variant.title,
    option2: null,
    option3: null,
    image_id: null,
    inventory_item_id: id(variant.item.id),
    inventory_quantity: inventoryQuantity(variant.item),
    old_inventory_quantity: variant.old_quantity,
    ...(shop.api_version === '2023-10'
      ? {
          fulfillment_service: 'manual',
          grams: 0,
          inventory_management: variant.item.tracked ? 'shopify' : null,
          requires_shipping: false,
          weight: 0,
          weight_unit: 'kg',
        }
      : {}),
  }
}

function optionFields(product: Product) {
  const values = product.variants.map((variant) => variant.title)
  return {
    name: optionName(product),
    id: id(product.option_id),
    product_id: id(product.id),
    position: 1,
    values,
  }
}

function imageFields(shop: ShopFacts, product: Product, image: Image, position: number) {
  return {
    id: id(image.id),
    alt: image.alt,
    position,
    product_id: id(product.id),
    created_at: stamp(shop, product.created_us),
    updated_at: stamp(shop, product.created_us),
    admin_graphql_api_id: gid('ProductImage', image.id),
    width: image.width,
    height: image.height,
    src: image.src,
    variant_ids: [],
  }
}

function mediaFields(shop: ShopFacts, product: Product, image: Image, position: number) {
  return {
    id: id(image.id),
    product_id: id(product.id),
    position,
    created_at: stamp(shop, product.created_us),
    updated_at: stamp(shop, product.created_us),
    alt: image.alt,
    status: 'READY',
    media_content_type: 'IMAGE',
    preview_image: { width: image.width, height: image.height, src: image.src, status: 'READY' },
    variant_ids: [],
    admin_graphql_api_id: gid('MediaImage', image.id),
  }
}

function metafieldsNamed(shop: ShopFacts, product: Product, namespaces: true | readonly string[]) {
  const own = metafieldFields(shop, product)
  const others = product.other_metafields.map((metafield) => ({
    id: id(metafield.id),
    namespace: metafield.namespace,
    key: metafield.key,
    value: metafield.value,
    description: null,
    owner_id: id(product.id),
    created_at: stamp(shop, metafield.created_us),
    updated_at: stamp(shop, metafield.updated_us),
    owner_resource: 'product',
    type: metafield.type,
    admin_graphql_api_id: gid('Metafield', metafield.id),
  }))
  const all = [...own, ...others]
  return namespaces === true ? all : all.filter(({ namespace }) => namespaces.includes(namespace))
}

function metafieldFields(shop: ShopFacts, product: Product) {
  const at = stamp(shop, product.updated_us)
  return eventMetafields(product).map(({ key, type, value }) => ({
    id: id(product.metafield_ids[key]),
    namespace: 'onsale',
    key,
    value,
    description: null,
    owner_id: id(product.id),
    created_at: stamp(shop, product.created_us),
    updated_at: at,
    owner_resource: 'product',
    type,
    admin_graphql_api_id: gid('Metafield', product.metafield_ids[key]),
  }))
}

/** Shopify normalises date_time metafields to UTC, without fractions */
function metafieldTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}+00:00`
}

function customerFields(shop: ShopFacts, customer: Customer) {
  const { address: home, redacted } = customer
  const at = stamp(shop, customer.created_us)
  return {
    id: id(customer.id),
    created_at: at,
    updated_at: at,
    first_name: redacted ? null : home.first_name,
    last_name: redacted ? null : home.last_name,
    state: 'disabled',
    note: null,
    verified_email: true,
    multipass_identifier: null,
    tax_exempt: false,
    email: redacted ? null : customer.email,
    phone: null,
    currency: shop.currency,
    tax_exemptions: [],
    admin_graphql_api_id: gid('Customer', customer.id),
    ...(redacted
      ? {}
      : {
          default_address: {
            id: id(customer.address_id),
            customer_id: id(customer.id),
            first_name: home.first_name,
            last_name: home.last_name,
            company: null,
            address1: home.address1,
            address2: null,
            city: home.city,
            province: null,
            country: home.country,
            zip: home.zip,
            phone: home.phone,
            name: `${home.first_name} ${home.last_name}`,
            province_code: null,
            country_code: home.country_code,
            country_name: home.country,
            default: true,
          },
        }),
  }
}

function customerRequest(shop: ShopFacts, customer: Customer) {
  return {
    shop_id: id(shop.id),
    shop_domain: shop.domain,
    customer: { id: id(customer.id), email: customer.email, phone: customer.address.phone },
  }
}

function address(home: Address) {
  return {
    first_name: home.first_name,
    address1: home.address1,
    phone: home.phone,
    city: home.city,
    zip: home.zip,
    province: null,
    country: home.country,
    last_name: home.last_name,
    address2: null,
    company: null,
    latitude: null,
    longitude: null,
    name: `${home.first_name} ${home.last_name}`,
    country_code: home.country_code,
    province_code: null,
  }
}

/** Whether every unit that is still wanted was handed over */
export function isDone(order: Order): boolean {
  return order.lines.every((line) => line.fulfilled >= currentQuantity(line))
}

/** `paid`, `pending`, `refunded`, … as an order's body says it */
export function financialStatus(order: Order): string {
  const left = order.lines.reduce((units, line) => units + currentQuantity(line), 0)
  if (!order.paid) return order.cancelled_us === null ? 'pending' : 'voided'
  if (order.refunds.length === 0) return 'paid'
  return left === 0 ? 'refunded' : 'partially_refunded'
}

function fulfillmentStatus(order: Order): string | null {
  const fulfilled = order.lines.reduce((units, line) => units + line.fulfilled, 0)
  if (fulfilled === 0) return null
  return order.lines.every((line) => line.fulfilled >= line.quantity) ? 'fulfilled' : 'partial'
}

const TAX_RATE = 0.07

/** The tax inside a price that includes it, rounded to minor units */
function includedTax(cents: number): number {
  return Math.round((cents * TAX_RATE) / (1 + TAX_RATE))
}

function taxLines(shop: ShopFacts, cents: number) {
  const tax = includedTax(cents)
  return [
    {
      channel_liable: false,
      price: amount(shop, tax),
      price_set: moneySet(shop, tax),
      rate: TAX_RATE,
      title: 'VAT',
    },
  ]
}

function moneySet(shop: ShopFacts, cents: number) {
  const money = { amount: amount(shop, cents), currency_code: shop.currency }
  return { shop_money: money, presentment_money: money }
}

/** The one set whose money says `currency`, not `currency_code` */
function unsettledSet(shop: ShopFacts) {
  const money = { amount: amount(shop, 0), currency: shop.currency }
  return { presentment_money: money, shop_money: money }
}

function offset(minutes: number): string {
  const size = Math.abs(minutes)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

function gid(kind: string, of: Id): string {
  return `gid://shopify/${kind}/${of}`
}

// JSON.rawJSON writes digits as they stand, so that ids above 2^53 stay whole; TypeScript's library does not know it yet
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object }

function id(digits: Id): object {
  return rawJSON(digits)
}

const ESCAPES: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '/': '\\/',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** JSON with the escapes Shopify's own encoder makes: whoever serialises it again gets other bytes than were signed */
function text(value: object): string {
  return JSON.stringify(value).replace(/[<>&/\u2028\u2029]/g, (character) => ESCAPES[character]!)
}
