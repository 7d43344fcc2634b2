import {
  bulkFinishBody,
  customerDataRequestBody,
  customerRedactBody,
  deletedBody,
  disconnectBody,
  FULL_VARIANTS_MAX,
  itemBody,
  itemDeletedBody,
  levelBody,
  orderBody,
  orderEditBody,
  productBody,
  refundBody,
} from './payloads.ts'
import { type EventIdea, FIRST_NAMES, LAST_NAMES, type TicketIdea } from './playbill.ts'
import { createRandom, type Random } from './random.ts'
import {
  type Customer,
  currentQuantity,
  type Fulfillment,
  type Id,
  type Item,
  inventoryQuantity,
  type Level,
  type Line,
  type Location,
  type Order,
  type OrderEdit,
  type Product,
  type ProductStatus,
  type Refund,
  type RestockType,
  type ShopFacts,
  type Variant,
} from './records.ts'
import { type ShopTruth, truthOf } from './truth.ts'

/** One webhook request, but for its signature. The same delivery sent twice has the same bytes and headers. */
export interface Delivery {
  readonly topic: string
  /** `X-Shopify-*` headers: topic, webhook id, event id, shop domain, triggered at, API version */
  readonly headers: Readonly<Record<string, string>>
  /** The raw body; numbers in it may exceed 2^53 */
  readonly body: string
  /** Of products/*, where the world is `by_namespace`: the body for a subscription that names these namespaces */
  readonly bodyFor?: (namespaces: readonly string[]) => string
}

/** What one merchant action changed, for `tell`: records that have been changed already */
export interface News {
  readonly created?: Product
  readonly updated?: readonly Product[]
  readonly deleted?: Product
  /** Their levels are told as connected */
  readonly items_created?: readonly Item[]
  readonly items_updated?: readonly Item[]
  readonly items_deleted?: readonly Item[]
  readonly levels_connected?: readonly Level[]
  readonly levels_updated?: readonly Level[]
}

export interface WorldOptions {
  /** All ids, names, stamps and choices follow from it */
  seed: string
  /** Simulated time of the first change */
  start_at: Date
  /** Webhook-Ids and Event-Ids follow from it; default: the seed. Another one tells the same shop as news. */
  delivery_seed?: string
  domain?: string
  currency?: string
  /** Digits after the point in money strings */
  exponent?: number
  utc_offset_min?: number
  api_version?: ShopFacts['api_version']
  locations?: number
  /** Bodies are assembled up to so much later than the change they tell of, and then show the newer state */
  lag_ms_max?: number
  /** Share of ids above 2^53 */
  big_id_share?: number
  /** Share of orders whose bodies name the customer */
  personal_share?: number
  /** Share of products/* sent a second time without metafields, as by a subscription that does not name their namespace */
  bare_share?: number
  /** Whether deliveries of products/* carry `bodyFor` */
  by_namespace?: boolean
}

/**
 * A simulated Shopify shop: its records, and what may happen to them. Every change is made at once in the records and
 * announces the webhooks Shopify would send for it; their bodies are assembled then or a little later.
 *
 * Changes are such that the convergence rule of the design ends exact: orders claim stock, and every location speaks
 * before a sale reaches it.
 */
export class World {
  readonly shop: ShopFacts
  readonly locations: readonly Location[]
  readonly products: Product[] = []
  readonly orders: Order[] = []
  readonly customers: Customer[] = []
  /** What has left the shop so far, in the order in which it left */
  readonly deliveries: Delivery[] = []
  /** Where every unit came from and went to, kept apart from the levels: available = stocked - taken + returned */
  readonly ledger = new Map<Variant, { stocked: number; taken: number; returned: number }>()
  /** Microseconds since 1970 */
  now_us: number

  private readonly random: Random
  private delivery_ids: Random
  private ids: (kind: string) => Id
  private readonly options: Required<
    Pick<WorldOptions, 'lag_ms_max' | 'personal_share' | 'bare_share' | 'by_namespace'>
  >
  private pending: { due_us: number; leave: () => void }[] = []
  private readonly told = new Set<Product>()

  constructor(options: WorldOptions) {
    this.random = createRandom(`${options.seed}/world`)
    this.delivery_ids = createRandom(`${options.delivery_seed ?? options.seed}/deliveries`)
    this.ids = createIds(createRandom(`${options.seed}/ids`), options.big_id_share ?? 0.3)
    this.options = {
      lag_ms_max: options.lag_ms_max ?? 3000,
      personal_share: options.personal_share ?? 0.5,
      bare_share: options.bare_share ?? 0,
      by_namespace: options.by_namespace ?? false,
    }
    this.now_us = options.start_at.getTime() * 1000 + this.random.int(0, 999)
    this.shop = {
      id: '548380009',
      domain: options.domain ?? 'demo.myshopify.com',
      name: 'Onsale Demo Box Office',
      currency: options.currency ?? 'EUR',
      exponent: options.exponent ?? 2,
      utc_offset_min: options.utc_offset_min ?? 60,
      api_version: options.api_version ?? '2026-10',
    }
    this.locations = LOCATION_NAMES.slice(0, options.locations ?? 3).map((name) => ({
      id: this.ids('Location'),
      name,
    }))
  }

  /** Lets time pass; bodies that are due by then are assembled from the records as they stand */
  advance(us: number): void {
    this.assemble(this.now_us + us)
    this.now_us += us
  }

  /** Bodies that are not assembled yet */
  get waiting(): number {
    return this.pending.length
  }

  /** Lets time pass until nothing is on its way any more */
  settle(): void {
    const last_us = this.pending.reduce((last, { due_us }) => Math.max(last, due_us), this.now_us)
    this.assemble(last_us)
    this.now_us = last_us + 1000
  }

  /** What Onsale must serve once everything in `deliveries` has reached it */
  truth(options: { test_orders?: 'count' | 'ignore' } = {}): ShopTruth {
    return truthOf(this.shop, {
      products: this.products.filter((product) => this.told.has(product)),
      orders: this.orders,
      test_orders: options.test_orders ?? 'count',
    })
  }

  // ---- the catalogue ------------------------------------------------------------------------------------------

  /**
   * Puts an event on sale: products/create, inventory_items/create, inventory_levels/connect and /update.
   * `silent` makes a product from before the app was installed: nothing is announced, and it is stocked at one location.
   */
  addProduct(
    idea: EventIdea,
    options: {
      status?: ProductStatus
      tickets?: readonly TicketIdea[]
      untracked?: boolean
      oversell?: boolean
      dated?: boolean
      silent?: boolean
    } = {},
  ): Product {
    const us = this.now_us
    const slug = slugOf(idea.title)
    const id = this.ids('Product')
    const dated = options.dated ?? true
    const product: Product = {
      id,
      title: idea.title,
      handle: `${slug}-${id.slice(-4)}`,
      body_html: idea.body_html,
      vendor: idea.vendor,
      product_type: idea.category.charAt(0).toUpperCase() + idea.category.slice(1),
      tags: [...idea.tags],
      status: options.status ?? 'active',
      created_us: us,
      updated_us: us,
      images: [1, ...(this.random.chance(0.4) ? [2] : [])].map((n) => ({
        id: this.ids('ProductImage'),
        src: `https://images.example/events/${slug}-${n}.jpg?v=${Math.floor(us / 1_000_000)}&width=1600`,
        alt: n === 1 ? idea.title : `${idea.title}, ${idea.venue.name}`,
        width: 1600,
        height: 900,
      })),
      fields: {
        subtitle: idea.subtitle,
        starts_at: dated ? idea.starts_at : null,
        ends_at: dated ? idea.ends_at : null,
        venue: idea.venue,
        per_user_limit: idea.per_user_limit,
      },
      metafield_ids: {
        subtitle: this.ids('Metafield'),
        starts_at: this.ids('Metafield'),
        ends_at: this.ids('Metafield'),
        venue: this.ids('Metafield'),
        per_user_limit: this.ids('Metafield'),
      },
      other_metafields: [],
      option_id: this.ids('ProductOption'),
      option_name: 'Ticket',
      variants: [],
      deleted: false,
    }
    this.products.push(product)
    const tickets = options.tickets ?? idea.tickets
    const event = this.event()
    const variants = this.makeVariants(product, tickets, {
      untracked: options.untracked ?? false,
      oversell: options.oversell ?? false,
      locations_max: options.silent ? 1 : this.locations.length,
    })
    if (options.silent) return product
    // Without lag: a body assembled after the next batch of variants would name these by gid only, and never in full
    this.announceProduct(event, product, { topic: 'products/create', prompt: true })
    this.announceNewItems(event, variants)
    return product
  }

  /** Adds kinds of tickets, at most 100 at once, so that each comes in full once */
  addVariants(product: Product, tickets: readonly TicketIdea[]): Variant[] {
    const event = this.event()
    product.updated_us = this.now_us
    const variants = this.makeVariants(product, tickets, {
      untracked: false,
      oversell: false,
      locations_max: this.locations.length,
    })
    this.announceProduct(event, product, { prompt: true })
    this.announceNewItems(event, variants)
    return variants
  }

  /** Takes a kind of ticket away: no topic of its own, it is missing from the next products/update */
  removeVariant(variant: Variant): void {
    const event = this.event()
    const { product } = variant
    product.variants = product.variants.filter((other) => other !== variant)
    variant.removed = true
    product.updated_us = this.now_us
    this.announceProduct(event, product)
    this.announce(event, 'inventory_items/delete', () => itemDeletedBody(variant.item))
  }

  /** Changes fields of the product */
  editProduct(product: Product, change: (product: Product) => void): void {
    const event = this.event()
    change(product)
    product.updated_us = this.now_us
    this.announceProduct(event, product)
  }

  /** Changes fields of a ticket */
  editVariant(variant: Variant, change: (variant: Variant) => void): void {
    const event = this.event()
    change(variant)
    this.touch(variant)
    this.announceProduct(event, variant.product)
  }

  /** products/delete with its inventory items; it never comes back */
  deleteProduct(product: Product): void {
    const event = this.event()
    product.deleted = true
    this.told.add(product)
    this.announce(event, 'products/delete', () => deletedBody(product.id))
    for (const { item } of product.variants) {
      this.announce(event, 'inventory_items/delete', () => itemDeletedBody(item))
    }
  }

  // ---- the stock ----------------------------------------------------------------------------------------------

  /** Sets what is available at one location, as a merchant does by hand */
  setAvailable(variant: Variant, level: Level, available: number): void {
    const event = this.event()
    this.rememberQuantity(variant)
    this.book(variant, 'stocked', available - level.available)
    level.available = available
    this.announceStock(event, [level], [variant])
  }

  /** Moves units from one location to another */
  transfer(variant: Variant, from: Level, to: Level, units: number): void {
    const event = this.event()
    this.rememberQuantity(variant)
    from.available -= units
    to.available += units
    this.announceStock(event, [from, to], [variant])
  }

  /** Stocks a variant at a location it was not, or no longer, stocked at */
  connect(variant: Variant, location: Location, available: number): void {
    const event = this.event()
    const { item } = variant
    this.rememberQuantity(variant)
    let level = item.levels.find((known) => known.location === location)
    if (!level) {
      level = this.makeLevel(item, location, 0)
      item.levels.push(level)
    }
    level.connected = true
    level.available = available
    this.book(variant, 'stocked', available)
    this.announceConnected(event, level)
    this.touch(variant)
    this.announceProduct(event, variant.product)
  }

  /** Takes a location away from a variant, with what it had */
  disconnect(variant: Variant, level: Level): void {
    const event = this.event()
    this.rememberQuantity(variant)
    this.book(variant, 'stocked', -level.available)
    level.connected = false
    level.available = 0
    level.updated_us = this.now_us
    this.announce(event, 'inventory_levels/disconnect', () => disconnectBody(level))
    this.touch(variant)
    this.announceProduct(event, variant.product)
  }

  /** Starts or stops counting a variant; its levels say null while it is not counted */
  setTracked(variant: Variant, tracked: boolean): void {
    const event = this.event()
    const { item } = variant
    item.tracked = tracked
    item.updated_us = this.now_us
    this.announce(event, 'inventory_items/update', () => itemBody(this.shop, item), { lags: true })
    this.announceStock(
      event,
      item.levels.filter((level) => level.connected),
      [variant],
    )
  }

  // ---- what others change -------------------------------------------------------------------------------------

  /** An id of a kind that nothing has yet */
  newId(kind: string): Id {
    return this.ids(kind)
  }

  /** Has what is made and told from now on bear ids that follow from another seed */
  renewIds(seed: string): void {
    this.ids = createIds(createRandom(`${seed}/ids`), 0)
    this.delivery_ids = createRandom(`${seed}/deliveries`)
  }

  /** Announces what somebody else changed in the records, as one merchant action */
  tell(news: News): void {
    const event = this.event()
    const { created, updated = [], deleted, items_created = [], items_updated = [] } = news
    if (created) this.announceProduct(event, created, { topic: 'products/create', prompt: true })
    for (const product of updated) if (product !== created) this.announceProduct(event, product)
    for (const item of items_created) {
      this.announce(event, 'inventory_items/create', () => itemBody(this.shop, item), { lags: true })
      for (const level of item.levels) this.announceConnected(event, level)
    }
    for (const item of items_updated) {
      this.announce(event, 'inventory_items/update', () => itemBody(this.shop, item), { lags: true })
    }
    for (const level of news.levels_connected ?? []) this.announceConnected(event, level)
    for (const level of news.levels_updated ?? []) this.announceLevel(event, level)
    if (deleted) {
      this.told.add(deleted)
      this.announce(event, 'products/delete', () => deletedBody(deleted.id))
    }
    for (const item of news.items_deleted ?? []) {
      this.announce(event, 'inventory_items/delete', () => itemDeletedBody(item))
    }
  }

  /** bulk_operations/finish of an operation that ended now */
  tellBulkFinish(operation: Omit<Parameters<typeof bulkFinishBody>[1], 'at_us'>): void {
    const at_us = this.now_us
    this.announce(this.event(), 'bulk_operations/finish', () =>
      bulkFinishBody(this.shop, { ...operation, at_us }),
    )
  }

  // ---- orders -------------------------------------------------------------------------------------------------

  /** Buys tickets. Null where they are not to be had: then nothing happens. */
  placeOrder(
    wanted: readonly { variant: Variant; units: number }[],
    options: {
      test?: boolean
      paid?: boolean
      with_donation?: boolean
      source_name?: Order['source_name']
    } = {},
  ): Order | null {
    if (!this.canTake(wanted)) return null
    const event = this.event()
    // Stock is taken a little before the order's own record is made: the two stamps are of different records
    const created_us = this.now_us + this.random.int(0, 900_000)
    const donation = {
      id: this.ids('LineItem'),
      variant: null,
      title: 'Donation to the <house> & its crew',
      variant_title: null,
      sku: '',
      price_cents: 500,
      quantity: 1,
      removed: 0,
      fulfilled: 0,
      takings: [],
    } satisfies Line
    const order: Order = {
      id: this.ids('Order'),
      number: 1001 + this.orders.length,
      token: this.random.hex(32),
      checkout_id: this.ids('Checkout'),
      created_us,
      updated_us: created_us,
      test: options.test ?? false,
      source_name: options.source_name ?? 'web',
      personal: this.random.chance(this.options.personal_share),
      customer: this.random.chance(0.95) ? this.someCustomer() : null,
      note: null,
      paid: options.paid ?? true,
      cancelled_us: null,
      deleted: false,
      lines: wanted.map(({ variant, units }) => this.makeLine(variant, units)),
      refunds: [],
      fulfillments: [],
    }
    if (options.with_donation) order.lines.push(donation)
    this.orders.push(order)
    this.announceTaken(event, order.lines)
    this.announceOrder(event, order, 'orders/create', created_us)
    if (order.paid) this.announceOrder(event, order, 'orders/paid', created_us)
    if (this.random.chance(0.5)) this.announceOrder(event, order, 'orders/updated', created_us)
    return order
  }

  /** A payment that comes after the order */
  payOrder(order: Order): void {
    const event = this.event()
    order.paid = true
    order.updated_us = this.now_us
    this.announceOrder(event, order, 'orders/paid')
    this.announceOrder(event, order, 'orders/updated')
  }

  /** Hands tickets over: stock does not move */
  fulfilOrder(order: Order, share: 'all' | 'part'): void {
    const parts = order.lines.flatMap((line) => {
      const open = currentQuantity(line) - line.fulfilled
      const units = share === 'all' ? open : Math.floor(open / 2)
      return units > 0 ? [{ line, units }] : []
    })
    if (parts.length === 0) return
    const event = this.event()
    for (const { line, units } of parts) line.fulfilled += units
    const fulfillment: Fulfillment = {
      id: this.ids('Fulfillment'),
      created_us: this.now_us,
      location: this.locations[0]!,
      lines: parts,
    }
    order.fulfillments.push(fulfillment)
    order.updated_us = this.now_us
    const whole = order.lines.every((line) => line.fulfilled >= currentQuantity(line))
    this.announceOrder(event, order, whole ? 'orders/fulfilled' : 'orders/partially_fulfilled')
    this.announceOrder(event, order, 'orders/updated')
  }

  /** Cancels the whole order. Without `refunded` its lines keep their current quantity, as older shops send it. */
  cancelOrder(order: Order, { restock, refunded }: { restock: boolean; refunded: boolean }): void {
    const event = this.event()
    const left = order.lines
      .filter((line) => currentQuantity(line) > 0)
      .map((line) => ({ line, units: currentQuantity(line) }))
    order.cancelled_us = this.now_us
    order.updated_us = this.now_us
    if (refunded) {
      this.addRefund(event, order, {
        parts: left.map((part) => ({ ...part, restock_type: restock ? 'cancel' : 'no_restock' })),
        paid_back: order.paid,
      })
    } else if (restock) {
      this.announceReturned(
        event,
        left.map((part) => ({ ...part, levels: this.giveBack(part.line, part.units) })),
      )
    }
    this.announceOrder(event, order, 'orders/cancelled')
    this.announceOrder(event, order, 'orders/updated')
  }

  /** Gives back money for some units, which return to stock or not */
  refundOrder(
    order: Order,
    parts: readonly { line: Line; units: number; restock_type: RestockType }[],
  ): void {
    const event = this.event()
    order.updated_us = this.now_us
    this.addRefund(event, order, { parts, paid_back: order.paid })
    this.announceOrder(event, order, 'orders/updated')
  }

  /** Edits the lines of an order. False where the added units are not to be had: then nothing happens. */
  editOrder(
    order: Order,
    edit: {
      add?: readonly { variant: Variant; units: number }[]
      raise?: readonly { line: Line; units: number }[]
      remove?: readonly { line: Line; units: number; restock: boolean }[]
    },
  ): boolean {
    const { add = [], raise = [], remove = [] } = edit
    const raised = raise.map(({ line, units }) => ({ variant: line.variant!, units, line }))
    if (!this.canTake([...add, ...raised])) return false
    const event = this.event()
    order.updated_us = this.now_us
    const additions: OrderEdit['additions'][number][] = []
    const taken: Line[] = []
    for (const { variant, units } of add) {
      const line = this.makeLine(variant, units)
      order.lines.push(line)
      additions.push({ line, delta: units })
      taken.push(line)
    }
    for (const { line, variant, units } of raised) {
      line.quantity += units
      line.takings.push(...this.take(variant, units))
      additions.push({ line, delta: units })
      taken.push(line)
    }
    this.announceTaken(event, taken)
    if (remove.length > 0) {
      this.addRefund(event, order, {
        parts: remove.map(({ line, units, restock }) => ({
          line,
          units,
          restock_type: restock ? 'cancel' : 'no_restock',
        })),
        paid_back: false,
      })
    }
    const change: OrderEdit = {
      id: this.ids('OrderEdit'),
      order,
      committed_us: this.now_us,
      additions,
      removals: remove.map(({ line, units }) => ({ line, delta: units })),
    }
    this.announce(event, 'orders/edited', () => orderEditBody(this.shop, change))
    this.announceOrder(event, order, 'orders/updated')
    return true
  }

  /** Deletes the order's record; nothing returns to stock */
  deleteOrder(order: Order): void {
    const event = this.event()
    order.deleted = true
    this.announce(event, 'orders/delete', () => deletedBody(order.id))
  }

  // ---- the rest -----------------------------------------------------------------------------------------------

  /** customers/redact: later bodies no longer name the customer */
  redactCustomer(customer: Customer): void {
    const event = this.event()
    const orders = this.ordersOf(customer)
    this.announce(event, 'customers/redact', () => customerRedactBody(this.shop, customer, orders))
    customer.redacted = true
  }

  /** customers/data_request */
  requestCustomerData(customer: Customer): void {
    const request_id = this.ids('DataRequest')
    const orders = this.ordersOf(customer)
    this.announce(this.event(), 'customers/data_request', () =>
      customerDataRequestBody(this.shop, { customer, orders, request_id }),
    )
  }

  /** A topic that changes nothing: bulk_operations/finish, or one that Onsale does not know */
  announceOther(topic: 'bulk_operations/finish' | 'carts/update' | 'themes/publish'): void {
    const at_us = this.now_us
    const operation = this.ids('BulkOperation')
    this.announce(this.event(), topic, () =>
      topic === 'bulk_operations/finish'
        ? bulkFinishBody(this.shop, { operation, at_us })
        : deletedBody(operation),
    )
  }

  /** The units of a variant that may be sold now; infinite where it is untracked or may be oversold */
  sellable(variant: Variant): number {
    if (!variant.item.tracked) return Number.POSITIVE_INFINITY
    if (!variant.item.levels.some((level) => level.connected)) return 0
    return variant.oversell ? Number.POSITIVE_INFINITY : inventoryQuantity(variant.item)
  }

  // ---- parts: records -----------------------------------------------------------------------------------------

  private makeVariants(
    product: Product,
    tickets: readonly TicketIdea[],
    { untracked, oversell, locations_max }: { untracked: boolean; oversell: boolean; locations_max: number },
  ): Variant[] {
    if (tickets.length > FULL_VARIANTS_MAX) {
      throw new Error(
        `Cannot add ${tickets.length} variants at once; webhooks show ${FULL_VARIANTS_MAX} in full`,
      )
    }
    const us = this.now_us
    const single = tickets.length === 1 && product.variants.length === 0
    const first = product.variants.reduce((last, { position }) => Math.max(last, position), 0) + 1
    const variants = tickets.map((ticket, i): Variant => {
      const title = single ? 'Default Title' : ticket.title
      const sku = `${product.id.slice(-6)}-${slugOf(ticket.title).slice(0, 12).toUpperCase()}-${first + i}`
      const item: Item = {
        id: this.ids('InventoryItem'),
        sku,
        tracked: !untracked,
        created_us: us,
        updated_us: us,
        levels: [],
      }
      const places = this.random.shuffle(this.locations).slice(0, this.random.int(1, locations_max))
      let left = ticket.capacity
      item.levels = places.map((location, n) => {
        const share = n === places.length - 1 ? left : Math.floor(left * this.random.next())
        left -= share
        return this.makeLevel(item, location, share)
      })
      const variant: Variant = {
        id: this.ids('ProductVariant'),
        product,
        item,
        title,
        sku,
        price_cents: ticket.price_cents,
        compare_at_price_cents: ticket.compare_at_price_cents,
        position: first + i,
        oversell,
        created_us: us,
        updated_us: us,
        old_quantity: 0,
        removed: false,
      }
      this.book(variant, 'stocked', ticket.capacity)
      return variant
    })
    product.variants.push(...variants)
    return variants
  }

  private makeLevel(item: Item, location: Location, available: number): Level {
    return {
      item,
      location,
      gid: this.ids('InventoryLevel'),
      available,
      updated_us: this.now_us,
      connected: true,
    }
  }

  private makeLine(variant: Variant, units: number): Line {
    const { product } = variant
    return {
      id: this.ids('LineItem'),
      variant,
      title: product.title,
      variant_title: variant.title === 'Default Title' ? null : variant.title,
      sku: variant.sku,
      price_cents: variant.price_cents,
      quantity: units,
      removed: 0,
      fulfilled: 0,
      takings: this.take(variant, units),
    }
  }

  private someCustomer(): Customer {
    const open = this.customers.filter((customer) => !customer.redacted).slice(-200)
    if (open.length > 0 && this.random.chance(0.3)) return this.random.pick(open)
    const first_name = this.random.pick(FIRST_NAMES)
    const last_name = this.random.pick(LAST_NAMES)
    const [city, country, country_code] = this.random.pick(HOMES)
    const customer: Customer = {
      id: this.ids('Customer'),
      address_id: this.ids('Address'),
      email: `${slugOf(`${first_name} ${last_name}`)}.${this.random.int(1, 9999)}@mail.example`,
      address: {
        first_name,
        last_name,
        address1: `${this.random.pick(STREETS)} ${this.random.int(1, 180)}`,
        city,
        zip: String(this.random.int(10_000, 99_999)),
        country,
        country_code,
        phone: `+49 30 5550${this.random.int(100, 999)}`,
      },
      created_us: this.now_us,
      redacted: false,
    }
    this.customers.push(customer)
    return customer
  }

  private ordersOf(customer: Customer): Id[] {
    return this.orders.filter((order) => order.customer === customer).map((order) => order.id)
  }

  // ---- parts: stock -------------------------------------------------------------------------------------------

  private canTake(wanted: readonly { variant: Variant; units: number }[]): boolean {
    const units = new Map<Variant, number>()
    for (const { variant, units: more } of wanted) units.set(variant, (units.get(variant) ?? 0) + more)
    return [...units].every(([variant, sum]) => sum <= this.sellable(variant))
  }

  /** Takes units from the fullest locations first; what may be oversold takes the rest from the last one */
  private take(variant: Variant, units: number): Line['takings'] {
    if (!variant.item.tracked) return []
    this.rememberQuantity(variant)
    const levels = variant.item.levels
      .filter((level) => level.connected)
      .sort((a, b) => b.available - a.available)
    const takings: Line['takings'] = []
    let left = units
    levels.forEach((level, i) => {
      const last = i === levels.length - 1
      const part = last ? left : Math.min(left, Math.max(0, level.available))
      if (part === 0) return
      level.available -= part
      left -= part
      takings.push({ level, units: part })
    })
    this.book(variant, 'taken', units)
    return takings
  }

  /** Returns units to where they came from, or to another location of the variant; not where it is gone or uncounted */
  private giveBack(line: Line, units: number): Level[] {
    const { variant } = line
    if (!variant || variant.removed || variant.product.deleted || !variant.item.tracked) return []
    const touched: Level[] = []
    let left = units
    for (const taking of line.takings) {
      const part = Math.min(left, taking.units)
      const home = taking.level.connected
        ? taking.level
        : variant.item.levels.find((level) => level.connected)
      if (part === 0 || !home) continue
      if (touched.length === 0) this.rememberQuantity(variant)
      taking.units -= part
      left -= part
      home.available += part
      touched.push(home)
      this.book(variant, 'returned', part)
    }
    return touched
  }

  private addRefund(
    event: Event,
    order: Order,
    {
      parts,
      paid_back,
    }: { parts: readonly { line: Line; units: number; restock_type: RestockType }[]; paid_back: boolean },
  ): void {
    const returned = parts.map(({ line, units, restock_type }) => {
      line.removed += units
      const levels = restock_type === 'no_restock' ? [] : this.giveBack(line, units)
      return { line, units, restock_type, levels }
    })
    const refund: Refund = {
      id: this.ids('Refund'),
      created_us: this.now_us,
      note: this.random.chance(0.2) ? 'Cannot come: <ill> & sorry' : null,
      transaction_id: paid_back ? this.ids('OrderTransaction') : null,
      lines: returned.map(({ line, units, restock_type, levels }) => ({
        id: this.ids('RefundLineItem'),
        line,
        units,
        // What could not return to any location is told as not restocked
        restock_type: levels.length > 0 ? restock_type : 'no_restock',
        location: levels[0]?.location ?? null,
      })),
    }
    order.refunds.push(refund)
    this.announce(event, 'refunds/create', () => refundBody(this.shop, order, refund))
    this.announceReturned(event, returned)
  }

  private book(variant: Variant, column: 'stocked' | 'taken' | 'returned', units: number): void {
    let entry = this.ledger.get(variant)
    if (!entry) {
      entry = { stocked: 0, taken: 0, returned: 0 }
      this.ledger.set(variant, entry)
    }
    entry[column] += units
  }

  private rememberQuantity(variant: Variant): void {
    variant.old_quantity = inventoryQuantity(variant.item)
  }

  private touch(variant: Variant): void {
    variant.updated_us = this.now_us
    variant.product.updated_us = this.now_us
  }

  // ---- parts: announcements -----------------------------------------------------------------------------------

  /** One merchant action: all its deliveries share the Event-Id, and are triggered one after the other */
  private event(): Event {
    return { id: this.delivery_ids.uuid(), announced: 0 }
  }

  private announceNewItems(event: Event, variants: readonly Variant[]): void {
    for (const { item } of variants) {
      this.announce(event, 'inventory_items/create', () => itemBody(this.shop, item), { lags: true })
      for (const level of item.levels) this.announceConnected(event, level)
    }
  }

  private announceConnected(event: Event, level: Level): void {
    this.announceLevel(event, level, 'inventory_levels/connect')
    if (level.available !== 0) this.announceLevel(event, level)
  }

  private announceTaken(event: Event, lines: readonly Line[]): void {
    const levels = new Set(lines.flatMap((line) => line.takings.map(({ level }) => level)))
    const variants = new Set(lines.flatMap((line) => line.variant ?? []))
    this.announceStock(event, [...levels], [...variants])
  }

  private announceReturned(event: Event, parts: readonly { line: Line; levels: readonly Level[] }[]): void {
    const back = parts.filter(({ levels }) => levels.length > 0)
    const levels = new Set(back.flatMap((part) => part.levels))
    const variants = new Set(back.flatMap(({ line }) => line.variant ?? []))
    this.announceStock(event, [...levels], [...variants])
  }

  /** Every change of stock sends its levels, and products/update of every product it touches */
  private announceStock(event: Event, levels: readonly Level[], variants: readonly Variant[]): void {
    for (const level of levels) this.announceLevel(event, level)
    for (const variant of variants) this.touch(variant)
    const products = new Set(variants.map((variant) => variant.product))
    for (const product of products) this.announceProduct(event, product)
  }

  private announceLevel(event: Event, level: Level, topic = 'inventory_levels/update'): void {
    const updated_us = this.now_us
    level.updated_us = updated_us
    this.announce(event, topic, () => levelBody(this.shop, level, { updated_us }), { lags: true })
  }

  private announceProduct(
    event: Event,
    product: Product,
    { topic = 'products/update', prompt = false }: { topic?: string; prompt?: boolean } = {},
  ): void {
    if (product.deleted) return
    // Bare bodies never are the only ones: a product's creation always tells its metafields
    this.told.add(product)
    const bodyFor = (metafields: boolean | readonly string[]) =>
      productBody(this.shop, product, { metafields })
    const tell = (metafields: boolean) =>
      this.announce(event, topic, () => bodyFor(metafields), {
        lags: !prompt,
        ...(this.options.by_namespace ? { bodyFor } : {}),
      })
    // Two subscriptions of one topic, one with the namespace and one without: a bare body never comes alone
    const bare = this.random.chance(this.options.bare_share)
    const bareFirst = this.random.chance(0.5)
    if (bare && bareFirst) tell(false)
    tell(true)
    if (bare && !bareFirst) tell(false)
  }

  private announceOrder(event: Event, order: Order, topic: string, at_us = this.now_us): void {
    this.announce(event, topic, () => orderBody(this.shop, order), { lags: true, at_us })
  }

  private announce(
    event: Event,
    topic: string,
    body: () => string,
    {
      at_us = this.now_us,
      lags = false,
      bodyFor,
    }: { at_us?: number; lags?: boolean; bodyFor?: Delivery['bodyFor'] } = {},
  ): void {
    const headers = {
      'X-Shopify-Topic': topic,
      'X-Shopify-Webhook-Id': this.delivery_ids.uuid(),
      'X-Shopify-Event-Id': event.id,
      'X-Shopify-Shop-Domain': this.shop.domain,
      'X-Shopify-API-Version': this.shop.api_version,
      'X-Shopify-Triggered-At': nanoStamp(at_us, event.announced++),
    }
    const lag_ms = lags && this.random.chance(0.4) ? this.random.next() * this.options.lag_ms_max : 0
    const leave = () =>
      this.deliveries.push({ topic, headers, body: body(), ...(bodyFor ? { bodyFor } : {}) })
    this.pending.push({ due_us: at_us + Math.floor(lag_ms * 1000), leave })
  }

  private assemble(until_us: number): void {
    const due = this.pending.filter(({ due_us }) => due_us <= until_us)
    if (due.length === 0) return
    this.pending = this.pending.filter(({ due_us }) => due_us > until_us)
    // Equal times keep the order of announcement: sort is stable
    for (const { leave } of due.sort((a, b) => a.due_us - b.due_us)) leave()
  }
}

interface Event {
  readonly id: string
  announced: number
}

/** Triggered-At: RFC 3339 with nanoseconds; the n-th announcement of an event comes n * 137 ns after the change */
function nanoStamp(us: number, n: number): string {
  const ns = n * 137
  const whole_us = us + Math.floor(ns / 1000)
  const fraction = String(whole_us % 1_000_000).padStart(6, '0') + String(ns % 1000).padStart(3, '0')
  return `${new Date(Math.floor(whole_us / 1000)).toISOString().slice(0, 19)}.${fraction}Z`
}

/**
 * Ids of a kind count up from a place of the seed's own, so that two shops in one database do not meet. Big ones are
 * neighbours above 2^53: as JavaScript numbers they would be one and the same.
 */
function createIds(random: Random, big_share: number): (kind: string) => Id {
  const counters = new Map<string, { small: bigint; big: bigint }>()
  const digits = (count: number) => BigInt(Array.from({ length: count }, () => random.int(0, 9)).join(''))
  return (kind) => {
    let counter = counters.get(kind)
    if (!counter) {
      counter = { small: 10n ** 13n + digits(13) * 8n, big: 8n * 10n ** 17n + digits(17) }
      counters.set(kind, counter)
    }
    if (random.chance(big_share)) return String(++counter.big)
    counter.small += 32768n
    return String(counter.small)
  }
}

/** `Øresund & Café` -> `oresund-cafe` */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/ø/gi, 'o')
    .replace(/ß/g, 'ss')
    .replace(/[\u0300-\u036f’']/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

const LOCATION_NAMES = ['Box office', 'Warehouse', 'Partner desk', 'Tourist office', 'Van', 'Foyer'] as const
const STREETS = [
  'Lindenallee',
  'Rue des Fleurs',
  'Harbour Road',
  'Kerkstraat',
  'Via Roma',
  'Storgatan',
] as const
const HOMES = [
  ['Hamburg', 'Germany', 'DE'],
  ['Wien', 'Austria', 'AT'],
  ['Lyon', 'France', 'FR'],
  ['Gent', 'Belgium', 'BE'],
  ['Bristol', 'United Kingdom', 'GB'],
  ['Torino', 'Italy', 'IT'],
] as const
