import { FULL_VARIANTS_MAX } from './payloads.ts'
import { createPlaybill, type EventIdea, type TicketIdea } from './playbill.ts'
import { createRandom, type Random } from './random.ts'
import {
  type Customer,
  currentQuantity,
  type Level,
  type Order,
  type Product,
  type Variant,
} from './records.ts'
import type { ShopTruth } from './truth.ts'
import { type Delivery, World, type WorldOptions } from './world.ts'

export interface ShopOptions extends Omit<WorldOptions, 'seed' | 'start_at'> {
  /** The same seed and options tell the same life, byte by byte */
  seed: string | number
  /** Simulated time of the first change; default: told by the seed (see `startOf`) */
  start_at?: Date
  /** Events on sale at the beginning; default 12 */
  events?: number
  /** Of these, events with more than 100 kinds of tickets; default 1 */
  large_events?: number
  /** Of these, products from before the app was installed, not heard of until something happens to them; default 1 */
  silent_events?: number
  /** Mean time between two changes; default 250 ms, so that many share a second */
  pace_ms?: number
  /** Seats a ticket kind has at most, so that some sell out; default 120 */
  capacity_max?: number
  /** What happens how often; default: mostly orders */
  weights?: Partial<Record<Happening, number>>
}

/** A shop that lives at random, for tests and benchmarks; HTTP plays no part in it. */
export interface Shop {
  readonly world: World
  /** Every delivery so far, in the order in which they left the shop. Complete: nothing is still being assembled. */
  readonly deliveries: readonly Delivery[]
  /** Lives on until at least `count` deliveries have left (in all), then lets the last ones leave */
  live(count: number, onProgress?: (left: number) => void): void
  /** What Onsale must serve once it has all of `deliveries` */
  truth(options?: { test_orders?: 'count' | 'ignore' }): ShopTruth
}

/** Opens a shop with its first events; `live` makes it trade. */
export function createShop(options: ShopOptions): Shop {
  // Another option is another shop: with the ids of the same seed, one database would hold two truths about them
  const { seed: name, start_at: _, ...rest } = options
  const seed = `${name} ${JSON.stringify(rest)}`
  const random = createRandom(`${seed}/life`)
  const start_at = options.start_at ?? startOf(seed)
  const world = new World({ ...options, seed, start_at })
  const nextEvent = createPlaybill(random.fork('playbill'), { from: start_at, days: 150 })
  const life = new Life(world, { random, nextEvent, options })
  life.open()
  world.settle()
  return {
    world,
    deliveries: world.deliveries,
    live: (count, onProgress) => {
      while (world.deliveries.length < count) {
        life.step()
        onProgress?.(world.deliveries.length)
      }
      world.settle()
    },
    truth: (truthOptions) => world.truth(truthOptions),
  }
}

/** A seed that begins like `20261121T093000Z` starts then; any other on one fixed Monday, so that it tells the same life always. */
export function startOf(seed: string): Date {
  const [, date, time] = /^(\d{8})T(\d{6})Z/.exec(seed) ?? []
  if (!date || !time) return new Date('2026-01-05T09:00:00Z')
  const iso = `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`
  return new Date(iso)
}

/** What may happen in a shop */
export type Happening = keyof typeof WEIGHTS

const WEIGHTS = {
  order: 100,
  pay: 8,
  fulfil: 8,
  cancel: 9,
  refund: 10,
  edit_order: 6,
  delete_order: 2,
  set_available: 8,
  transfer: 3,
  connect: 2,
  disconnect: 1.5,
  edit_event: 5,
  edit_ticket: 4,
  add_ticket: 1.5,
  remove_ticket: 1,
  set_status: 1.5,
  set_tracked: 1.5,
  set_oversell: 1.5,
  new_event: 1,
  delete_event: 0.7,
  customer_redact: 0.7,
  customer_request: 0.3,
  other_topic: 1,
} as const

class Life {
  private readonly world: World
  private readonly random: Random
  private readonly nextEvent: () => EventIdea
  private readonly options: ShopOptions
  private readonly weights: readonly (readonly [number, Happening])[]

  constructor(
    world: World,
    { random, nextEvent, options }: { random: Random; nextEvent: () => EventIdea; options: ShopOptions },
  ) {
    this.world = world
    this.random = random
    this.nextEvent = nextEvent
    this.options = options
    this.weights = (Object.keys(WEIGHTS) as Happening[]).map((name) => [
      options.weights?.[name] ?? WEIGHTS[name],
      name,
    ])
  }

  /** Puts the first events on sale */
  open(): void {
    const { events = 12, large_events = 1, silent_events = 1 } = this.options
    for (let i = 0; i < events; i++) {
      this.pause()
      // The last ones are large: the first ones are what everybody buys, and their bodies would fill every benchmark
      const large = i >= events - large_events && this.world.shop.api_version !== '2023-10'
      if (large) this.addLarge()
      else {
        const last = i === events - large_events - 1
        this.addEvent({
          silent: i < silent_events,
          oversold: i === silent_events,
          untracked: last && i > silent_events,
        })
      }
    }
  }

  /** Lets one more thing happen */
  step(): void {
    this.pause()
    this.happenings[this.random.weighted(this.weights)]()
  }

  /** At least a millisecond, so that no two changes are triggered at once */
  private pause(): void {
    const mean_us = (this.options.pace_ms ?? 250) * 1000
    this.world.advance(1000 + Math.floor(this.random.wait(mean_us)))
  }

  /** What each happening does; where nothing fits it, nothing happens */
  private readonly happenings: Record<Happening, () => void> = {
    order: () => this.order(),
    pay: () =>
      this.withOrder({
        fits: (order) => !order.paid && isOpen(order),
        act: (order) => this.world.payOrder(order),
      }),
    fulfil: () =>
      this.withOrder({
        fits: (order) => order.paid && isOpen(order),
        act: (order) => this.world.fulfilOrder(order, this.random.chance(0.6) ? 'all' : 'part'),
      }),
    cancel: () =>
      this.withOrder({
        fits: (order) => isOpen(order) && order.fulfillments.length === 0,
        act: (order) =>
          this.world.cancelOrder(order, {
            restock: this.random.chance(0.7),
            refunded: this.random.chance(0.6),
          }),
      }),
    refund: () =>
      this.withOrder({ fits: (order) => order.paid && isOpen(order), act: (order) => this.refund(order) }),
    edit_order: () =>
      this.withOrder({
        fits: (order) => isOpen(order) && order.fulfillments.length === 0,
        act: (order) => this.editOrder(order),
      }),
    // Shopify lets go of cancelled orders and of test orders only
    delete_order: () =>
      this.withOrder({
        fits: (order) => order.cancelled_us !== null || order.test,
        act: (order) => this.world.deleteOrder(order),
      }),
    set_available: () =>
      this.withLevel((variant, level) => {
        const { available } = level
        const more = this.random.chance(0.6)
          ? this.random.int(1, 30)
          : -this.random.int(0, Math.max(0, available))
        this.world.setAvailable(variant, level, Math.max(0, available + more))
      }),
    transfer: () =>
      this.withLevel((variant, level) => {
        const others = variant.item.levels.filter((other) => other.connected && other !== level)
        if (others.length === 0 || level.available < 1) return
        this.world.transfer(variant, level, this.random.pick(others), this.random.int(1, level.available))
      }),
    connect: () => this.withVariant((variant) => this.connect(variant)),
    disconnect: () => this.withLevel((variant, level) => this.world.disconnect(variant, level)),
    edit_event: () => this.withProduct((product) => this.editEvent(product)),
    edit_ticket: () => this.withVariant((variant) => this.editTicket(variant)),
    add_ticket: () =>
      this.withProduct((product) => {
        if (product.variants[0]?.title === 'Default Title') return
        const number = Math.max(0, ...product.variants.map(({ position }) => position)) + 1
        this.world.addVariants(product, [this.ticket(`Extra row ${number}`)])
      }),
    remove_ticket: () =>
      this.withProduct((product) => {
        if (product.variants.length > 1) this.world.removeVariant(this.random.pick(product.variants))
      }),
    set_status: () =>
      this.withProduct((product) => {
        if (isLarge(product)) return
        const all = ['active', 'active', 'draft', 'archived', 'unlisted'] as const
        const status = this.random.pick(all.filter((other) => other !== product.status))
        this.world.editProduct(product, (changed) => {
          changed.status = status
        })
      }),
    set_tracked: () =>
      this.withVariant((variant) => {
        this.world.setTracked(variant, !variant.item.tracked)
      }),
    set_oversell: () =>
      this.withVariant((variant) =>
        this.world.editVariant(variant, (changed) => {
          changed.oversell = !changed.oversell
        }),
      ),
    new_event: () => this.addEvent(),
    delete_event: () =>
      this.withProduct((product) => {
        const others = this.productsOnSale().length - 1
        if (others >= 3 && !isLarge(product)) this.world.deleteProduct(product)
      }),
    customer_redact: () => this.withCustomer((customer) => this.world.redactCustomer(customer)),
    customer_request: () => this.withCustomer((customer) => this.world.requestCustomerData(customer)),
    other_topic: () =>
      this.world.announceOther(
        this.random.pick(['bulk_operations/finish', 'carts/update', 'themes/publish']),
      ),
  }

  /** `oversold`: few seats and nothing that stops at zero, so that every life sells more than there is of something */
  private addEvent({ silent = false, oversold = false, untracked = false } = {}): void {
    const { random } = this
    const idea = this.nextEvent()
    this.world.addProduct(idea, {
      silent,
      tickets: idea.tickets.slice(0, random.int(1, 4)).map((ticket) => ({
        ...ticket,
        ...(oversold ? { capacity: random.int(2, 8) } : this.seats()),
      })),
      // Of a product that was there before, no inventory item has been heard: it counts as tracked
      untracked: untracked || (!silent && !oversold && random.chance(0.08)),
      oversell: oversold || random.chance(0.1),
      dated: random.chance(0.95),
      status: random.weighted([
        [90, 'active'],
        [4, 'draft'],
        [3, 'unlisted'],
        [3, 'archived'],
      ]),
    })
  }

  /** An event with more ticket kinds than a webhook shows: it grows in steps, so that each comes in full once */
  private addLarge(): void {
    const idea = this.nextEvent()
    const rows = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => this.ticket(`Row ${from + i}`))
    const product = this.world.addProduct(idea, { tickets: rows(1, 60) })
    this.pause()
    this.world.addVariants(product, rows(61, 120))
  }

  private ticket(title: string): TicketIdea {
    return { title, price_cents: this.random.int(4, 160) * 50, compare_at_price_cents: null, ...this.seats() }
  }

  private seats(): { capacity: number } {
    const { capacity_max = 120 } = this.options
    return { capacity: this.random.int(Math.min(4, capacity_max), capacity_max) }
  }

  private order(): void {
    const { random, world } = this
    const lines = new Map<Variant, number>()
    for (let n = random.weighted([[80, 1] as const, [15, 2] as const, [5, 3] as const]); n > 0; n--) {
      const variant = this.someTicket()
      if (!variant) return
      const units = Math.min(
        random.weighted([
          [30, 1] as const,
          [45, 2] as const,
          [10, 3] as const,
          [12, 4] as const,
          [3, 6] as const,
        ]),
        world.sellable(variant),
      )
      if (units > 0) lines.set(variant, units)
    }
    if (lines.size === 0) return
    world.placeOrder(
      [...lines].map(([variant, units]) => ({ variant, units })),
      {
        test: random.chance(0.03),
        paid: random.chance(0.88),
        with_donation: random.chance(0.05),
        source_name: random.weighted([
          [90, 'web'],
          [7, 'pos'],
          [3, 'shopify_draft_order'],
        ]),
      },
    )
  }

  /** The first events are the ones everybody wants: the n-th sells 1/n as often */
  private someTicket(): Variant | null {
    const open = this.productsOnSale().filter(({ status }) => status === 'active' || status === 'unlisted')
    if (open.length === 0) return null
    const product = this.random.weighted(open.map((candidate, i) => [1 / (i + 1), candidate] as const))
    return this.random.weighted(product.variants.map((variant, i) => [1 / (i + 1), variant] as const))
  }

  private refund(order: Order): void {
    const { random } = this
    const line = random.pick(order.lines.filter((candidate) => currentQuantity(candidate) > 0))
    const fulfilled = line.fulfilled > 0
    this.world.refundOrder(order, [
      {
        line,
        units: random.int(1, currentQuantity(line)),
        restock_type: random.weighted([
          [35, 'no_restock'],
          [60, fulfilled ? 'return' : 'cancel'],
          [5, 'legacy_restock'],
        ]),
      },
    ])
  }

  private editOrder(order: Order): void {
    const { random } = this
    const line = random.pick(order.lines.filter((candidate) => currentQuantity(candidate) > 0))
    const open = line.variant && !line.variant.removed && !line.variant.product.deleted
    const kind = random.pick(['add', 'raise', 'remove', 'swap'] as const)
    const remove = [{ line, units: random.int(1, currentQuantity(line)), restock: random.chance(0.7) }]
    const variant = this.someTicket()
    if (kind === 'raise' && open) this.world.editOrder(order, { raise: [{ line, units: random.int(1, 2) }] })
    else if (kind === 'add' && variant) this.world.editOrder(order, { add: [{ variant, units: 1 }] })
    else if (kind === 'swap' && variant) this.world.editOrder(order, { remove, add: [{ variant, units: 1 }] })
    else this.world.editOrder(order, { remove })
  }

  private connect(variant: Variant): void {
    const { random, world } = this
    const free = world.locations.filter(
      (location) =>
        !variant.item.levels.some(
          (level) => level.location === location && (level.connected || !this.quiet(level.updated_us)),
        ),
    )
    // A silent product never speaks of its one location unless it sells there: a second one would hide it
    const heard = variant.item.levels.every((level) => level.connected) && free.length > 0
    if (heard && variant.item.levels.length > 1) world.connect(variant, random.pick(free), random.int(0, 25))
  }

  private editEvent(product: Product): void {
    const { random } = this
    const idea = this.nextEvent()
    const what = random.pick(['subtitle', 'dates', 'title', 'venue', 'limit', 'text'] as const)
    this.world.editProduct(product, (changed) => {
      const { fields } = changed
      if (what === 'subtitle') fields.subtitle = random.chance(0.2) ? null : idea.subtitle
      if (what === 'title') changed.title = `${idea.title} (moved)`
      if (what === 'venue') fields.venue = random.chance(0.1) ? null : idea.venue
      if (what === 'limit') fields.per_user_limit = random.pick([2, 4, 8])
      if (what === 'text') changed.body_html = idea.body_html
      if (what === 'dates') {
        fields.starts_at = idea.starts_at
        fields.ends_at = idea.ends_at
      }
    })
  }

  private editTicket(variant: Variant): void {
    const { random } = this
    this.world.editVariant(variant, (changed) => {
      if (random.chance(0.3) && changed.title !== 'Default Title')
        changed.title = `${changed.title} ★`.slice(0, 60)
      else {
        const before = changed.price_cents
        changed.price_cents = random.int(4, 160) * 50
        changed.compare_at_price_cents = changed.price_cents < before ? before : null
      }
    })
  }

  /** Stamps are of whole seconds: what must not tie with an earlier change of the same record waits for two */
  private quiet(since_us: number): boolean {
    return this.world.now_us - since_us > 2_000_000
  }

  private productsOnSale(): Product[] {
    return this.world.products.filter((product) => !product.deleted && product.variants.length > 0)
  }

  private withProduct(act: (product: Product) => void): void {
    const products = this.productsOnSale()
    if (products.length > 0) act(this.random.pick(products))
  }

  private withVariant(act: (variant: Variant) => void): void {
    this.withProduct((product) => act(this.random.pick(product.variants)))
  }

  private withLevel(act: (variant: Variant, level: Level) => void): void {
    this.withVariant((variant) => {
      const levels = variant.item.levels.filter((level) => level.connected)
      if (variant.item.tracked && levels.length > 0) act(variant, this.random.pick(levels))
    })
  }

  /** Nothing more happens to an order before its own record is two seconds old */
  private withOrder({ fits, act }: { fits: (order: Order) => boolean; act: (order: Order) => void }): void {
    const { orders } = this.world
    for (let tries = 0; tries < 20 && orders.length > 0; tries++) {
      const order = orders[this.random.int(Math.max(0, orders.length - 400), orders.length - 1)]!
      if (order.deleted || !this.quiet(order.created_us) || !fits(order)) continue
      act(order)
      return
    }
  }

  private withCustomer(act: (customer: Customer) => void): void {
    const open = this.world.customers.filter((customer) => !customer.redacted)
    if (open.length > 0) act(this.random.pick(open))
  }
}

/** There are few of these, and they are to be compared in the end: they stay */
function isLarge(product: Product): boolean {
  return product.variants.length > FULL_VARIANTS_MAX
}

/** Not cancelled, and with units left */
function isOpen(order: Order): boolean {
  return order.cancelled_us === null && order.lines.some((line) => currentQuantity(line) > 0)
}
