import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type Circle, startCircle } from '../circle.ts'
import { expectVerified } from '../harness.ts'
import { jobOf } from '../jobs.ts'

// Writes to Shopify from their job to the mirror: worker, client, fake shop, webhooks and intake, all real.

let circle: Circle
beforeAll(async () => {
  circle = await startCircle()
})
afterEach(() => {
  Object.assign(circle.api.faults, { lost_answer_share: 0, error_share: 0, left: null, only: [] })
})
afterAll(async () => {
  await expectVerified(circle.database.admin)
  await circle.stop()
})

type Ticket = { id: number; name: string; price_cents: number; capacity: number | null; sku: string | null }
type Shown = {
  id: number
  title: string
  status: string
  shopify_product_id: string
  pending_changes: unknown[]
  tickets: Ticket[]
} & Record<string, unknown>

const night = (over: object = {}) => ({
  title: 'Rock Night',
  status: 'active',
  tickets: [
    { name: 'General', sku: 'GA-1', price_cents: 2500, capacity: 40 },
    { name: 'Standing', price_cents: 1550, compare_at_price_cents: 2000, capacity: null },
  ],
  ...over,
})

async function shown(id: number): Promise<Shown> {
  const response = await fetch(`${circle.service.url}/events/${id}`)
  return (await response.json()) as Shown
}

/** Waits until what visitors see is as wanted: caches follow a change within a tenth of a second. */
async function untilShown(id: number, isAsWanted: (event: Shown) => boolean): Promise<Shown> {
  let event = await shown(id)
  for (const endsAt = performance.now() + 2_000; !isAsWanted(event) && performance.now() < endsAt; ) {
    await Bun.sleep(10)
    event = await shown(id)
  }
  expect([isAsWanted(event), event]).toEqual([true, event])
  return event
}

async function made(over: object = {}) {
  const job = await circle.ended(await circle.placeEvent(night(over)))
  expect(job).toMatchObject({ state: 'done', errors: [] })
  const event = Number(job.result?.event_id)
  const product = circle.api.shop.products.find(({ id }) => id === job.result?.shopify_product_id)!
  const tickets = await circle.database.admin<{ id: number; name: string }[]>`
    select id::integer, name from onsale.tickets where event_id = ${event} order by position`
  return { job, event, product, tickets: tickets.map(({ id }) => id) }
}

/** Does one write to its end, and answers its job. */
async function written(...write: Parameters<Circle['place']>) {
  return await circle.ended(await circle.place(...write))
}

describe('an event', () => {
  test('is made with its tickets, and comes back into the mirror', async () => {
    const { job, event, product } = await made({
      subtitle: 'Loud',
      description: '<p>All night</p>',
      category: 'Concert',
      starts_at: '2027-06-01T21:00:00+02:00',
      ends_at: '2027-06-01T22:00:00Z',
      venue: { name: 'Harbour Hall', city: 'Hamburg' },
      images: [{ url: 'https://cdn.example/1.jpg', alt: 'A stage' }],
      per_user_limit: 4,
    })
    expect(product).toMatchObject({ title: 'Rock Night', status: 'active', product_type: 'Concert' })
    expect(circle.api.shop.published.get(product)?.size).toBe(2)
    expect(job.confirmed_at).not.toBeNull()
    expect(job.result).toMatchObject({ event_id: event, shopify_product_id: product.id })
    expect(await untilShown(event, ({ pending_changes }) => pending_changes.length === 0)).toMatchObject({
      title: 'Rock Night',
      subtitle: 'Loud',
      description: '<p>All night</p>',
      category: 'concert',
      starts_at: '2027-06-01T19:00:00.000Z',
      ends_at: '2027-06-01T22:00:00.000Z',
      venue: { name: 'Harbour Hall', city: 'Hamburg' },
      images: [{ url: 'https://cdn.example/1.jpg', alt: 'A stage' }],
      per_user_limit: 4,
      tickets: [
        { name: 'General', sku: 'GA-1', price_cents: 2500, capacity: 40, available: 40 },
        { name: 'Standing', price_cents: 1550, compare_at_price_cents: 2000, capacity: null },
      ],
    })
  })

  test('is changed in what is said, and what is taken away goes', async () => {
    const { event } = await made({ subtitle: 'Loud', venue: { name: 'Harbour Hall' }, category: 'concert' })
    const changes = {
      title: 'Rock Morning',
      subtitle: null,
      description: '<p>Breakfast</p>',
      starts_at: '2027-07-01T08:00:00Z',
    }
    expect(await written({ kind: 'update_event', eventId: event, details: { changes } })).toMatchObject({
      state: 'done',
    })
    expect(await untilShown(event, ({ title }) => title === 'Rock Morning')).toMatchObject({
      subtitle: null,
      description: '<p>Breakfast</p>',
      starts_at: '2027-07-01T08:00:00.000Z',
      venue: { name: 'Harbour Hall' },
      category: 'concert',
    })
  })

  test('is taken back and published again', async () => {
    const { event, product } = await made()
    await written({ kind: 'unpublish_event', eventId: event, details: {} })
    expect(product.status).toBe('draft')
    expect(await statusOf(event)).toBe('draft')
    circle.api.shop.published.get(product)?.clear()
    await written({ kind: 'publish_event', eventId: event, details: {} })
    expect(product.status).toBe('active')
    expect(circle.api.shop.published.get(product)?.size).toBe(2)
    expect(await statusOf(event)).toBe('active')
  })

  test('that is a draft is published nowhere', async () => {
    const { product } = await made({ status: 'draft' })
    expect(circle.api.shop.published.get(product)?.size).toBe(0)
  })

  test('is deleted, also where somebody else was faster', async () => {
    const { event, product } = await made()
    expect(await written({ kind: 'delete_event', eventId: event, details: {} })).toMatchObject({
      state: 'done',
      result: { is_deleted: true },
    })
    expect(circle.api.shop.products).not.toContain(product)
    expect((await shown(event)).status).toBe(404 as unknown as string)

    const other = await made()
    const job = await circle.place({ kind: 'delete_event', eventId: other.event, details: {} })
    other.product.deleted = true
    circle.api.shop.tell({ deleted: other.product })
    expect(await circle.ended(job)).toMatchObject({ state: 'done' })
  })

  test('is refused in the words of what was sent', async () => {
    const twice = [
      { name: 'General', price_cents: 1000, capacity: 1 },
      { name: 'General', price_cents: 2000, capacity: 1 },
    ]
    const job = await circle.ended(await circle.placeEvent(night({ tickets: twice })))
    expect(job).toMatchObject({ state: 'failed', attempts: 1 })
    expect(job.errors).toContainEqual({
      message: 'Another ticket of the event has this name',
      field: '/tickets/1/name',
    })
    expect(JSON.stringify(job.errors)).not.toContain('variant')

    const none = await circle.ended(await circle.placeEvent(night({ tickets: [] })))
    expect(none.errors).toEqual([
      { message: 'An event of Shopify has at least one ticket', field: '/tickets' },
    ])
  })

  test('that is gone from the shop is told as such', async () => {
    const { event, product } = await made()
    product.deleted = true
    const job = await written({
      kind: 'update_event',
      eventId: event,
      details: { changes: { title: 'New' } },
    })
    expect(job).toMatchObject({ state: 'failed' })
    expect(job.errors).toEqual([{ message: 'The event is not in the shop any more', field: null }])
  })
})

describe('a ticket', () => {
  test('is added, changed and deleted', async () => {
    const { event, product } = await made()
    const ticket = { name: 'Balcony', sku: 'B-1', price_cents: 4000, capacity: 12 }
    const added = await written({ kind: 'create_ticket', eventId: event, details: { ticket } })
    const variant = product.variants.find(({ title }) => title === 'Balcony')!
    expect(added).toMatchObject({ state: 'done', result: { shopify_variant_id: variant.id } })
    const seen = await untilShown(event, ({ tickets }) => tickets.length === 3)
    const balcony = seen.tickets.find(({ name }) => name === 'Balcony')!
    expect(balcony).toMatchObject({ sku: 'B-1', price_cents: 4000, capacity: 12 })

    const changes = { name: 'Upper circle', price_cents: 4500, compare_at_price_cents: 5000, sku: null }
    await written({ kind: 'update_ticket', ticketId: balcony.id, details: { changes } })
    const named = await untilShown(event, ({ tickets }) =>
      tickets.some(({ name }) => name === 'Upper circle'),
    )
    expect(named.tickets.find(({ id }) => id === balcony.id)).toMatchObject({
      price_cents: 4500,
      compare_at_price_cents: 5000,
      sku: null,
      capacity: 12,
    })

    await written({ kind: 'delete_ticket', ticketId: balcony.id, details: {} })
    expect(product.variants.map(({ title }) => title)).toEqual(['General', 'Standing'])
    await untilShown(event, ({ tickets }) => tickets.length === 2)
  })

  test('is refused where its name is taken, by the field that was sent', async () => {
    const { event, tickets } = await made()
    const ticket = { name: 'Standing', price_cents: 4000, capacity: 12 }
    const added = await written({ kind: 'create_ticket', eventId: event, details: { ticket } })
    expect(added).toMatchObject({ state: 'failed', attempts: 1 })
    expect(added.errors[0]?.message).toBe('Another ticket of the event has this name')
    const changes = { name: 'Standing' }
    const renamed = await written({ kind: 'update_ticket', ticketId: tickets[0]!, details: { changes } })
    expect(renamed.errors).toEqual([{ message: 'Another ticket of the event has this name', field: null }])
  })

  test('that is the last one stays', async () => {
    const [only] = night().tickets
    const { tickets } = await made({ tickets: [only] })
    const job = await written({ kind: 'delete_ticket', ticketId: tickets[0]!, details: {} })
    expect(job).toMatchObject({
      state: 'failed',
      errors: [{ message: 'An event keeps at least one ticket', field: null }],
    })
  })

  test('of an event whose choice has a name of the merchant’s goes by that name', async () => {
    const { event, product } = await made()
    product.option_name = 'Sitzplatz'
    const ticket = { name: 'Loge', price_cents: 4000, capacity: 2 }
    await written({ kind: 'create_ticket', eventId: event, details: { ticket } })
    expect(product.variants.map(({ title }) => title)).toContain('Loge')
    expect(product.option_name).toBe('Sitzplatz')
  })
})

describe('a capacity', () => {
  const capacityOf = async (event: number, ticket: number) =>
    (await shown(event)).tickets.find(({ id }) => id === ticket)?.capacity

  test('goes up and down by a difference, which leaves alone what was sold', async () => {
    const { event, product, tickets } = await made()
    const [ticket = 0] = tickets
    const level = product.variants[0]!.item.levels[0]!
    const order = circle.api.shop.world.placeOrder([{ variant: product.variants[0]!, units: 3 }])
    expect(order).not.toBeNull()
    await circle.api.courier.idle()
    expect(level.available).toBe(37)
    for (const capacity of [50, 30]) {
      const job = await written({ kind: 'update_capacity', ticketId: ticket, details: { capacity } })
      expect(job).toMatchObject({ state: 'done', result: { delta: capacity === 50 ? 10 : -20 } })
      expect(level.available).toBe(capacity - 3)
      await untilShown(event, (shown) => shown.tickets[0]?.capacity === capacity)
    }
    expect(await capacityOf(event, ticket)).toBe(30)
  })

  test('is not counted any more, and counted again', async () => {
    const { event, product, tickets } = await made()
    const [ticket = 0] = tickets
    const { item } = product.variants[0]!
    await written({ kind: 'update_capacity', ticketId: ticket, details: { capacity: null } })
    expect(item.tracked).toBe(false)
    await untilShown(event, (shown) => shown.tickets[0]?.capacity === null)
    const job = await written({ kind: 'update_capacity', ticketId: ticket, details: { capacity: 25 } })
    expect(job).toMatchObject({ state: 'done' })
    expect([item.tracked, item.levels[0]?.available]).toEqual([true, 25])
    await untilShown(event, (shown) => shown.tickets[0]?.capacity === 25)
  })

  test('begins at a location that did not stock the ticket', async () => {
    const { event, product, tickets } = await made()
    const { item } = product.variants[1]!
    item.levels.length = 0
    const job = await written({ kind: 'update_capacity', ticketId: tickets[1]!, details: { capacity: 8 } })
    expect(job).toMatchObject({ state: 'done' })
    expect(item.levels.map(({ available }) => available)).toEqual([8])
    await untilShown(event, (shown) => shown.tickets[1]?.capacity === 8)
  })

  test('that was refused once is done when an admin has it tried again', async () => {
    const { event, product, tickets } = await made()
    const details = { capacity: 41, location_id: '404' }
    const job = await circle.place({ kind: 'update_capacity', ticketId: tickets[0]!, details })
    expect(await circle.ended(job)).toMatchObject({ state: 'failed' })

    const { world } = circle.api.shop
    const opened = { ...world.locations[0]!, id: '404', name: 'Opened meanwhile' }
    const locations = world.locations as (typeof opened)[]
    locations.push(opened)
    await circle.database.admin`select from api.update_job_due(p_id => ${job}::bigint, p_actor => 'user 1')`
    const again = await doneAfter(job)
    locations.pop()
    expect(again).toMatchObject({ state: 'done', attempts: 2, result: { delta: 1, location_id: '404' } })
    expect(product.variants[0]?.item.levels.map(({ available }) => available)).toEqual([40, 1])
    await untilShown(event, (shown) => shown.tickets[0]?.capacity === 41)
  })
})

describe('what is not known', () => {
  const lose = (...only: string[]) =>
    Object.assign(circle.api.faults, { lost_answer_share: 1, left: 1, only })
  const fail = (...only: string[]) => Object.assign(circle.api.faults, { error_share: 1, left: 1, only })
  const applied = (name: string) =>
    circle
      .truth()
      .applied()
      .filter((one) => one === name).length

  test.each([
    ['productUpdate', { kind: 'update_event', details: { changes: { title: 'Lost and found' } } }],
    ['productUpdate', { kind: 'unpublish_event', details: {} }],
    ['productDelete', { kind: 'delete_event', details: {} }],
    [
      'productVariantsBulkCreate',
      { kind: 'create_ticket', details: { ticket: { name: 'New', price_cents: 100, capacity: 3 } } },
    ],
    ['productVariantsBulkUpdate', { kind: 'update_ticket', details: { changes: { price_cents: 4321 } } }],
    ['productVariantsBulkDelete', { kind: 'delete_ticket', details: {} }],
    ['inventoryAdjustQuantities', { kind: 'update_capacity', details: { capacity: 70 } }],
  ] as const)(
    'an answer of %s that is lost is not asked for twice: %j',
    async (mutation, { kind, details }) => {
      const { event, tickets } = await made()
      const isOfTicket = ['update_ticket', 'delete_ticket', 'update_capacity'].includes(kind)
      const before = applied(mutation)
      lose(mutation)
      const job = await written({
        kind,
        details,
        ...(isOfTicket ? { ticketId: tickets[0]! } : { eventId: event }),
      })
      expect(job).toMatchObject({ state: 'done', attempts: 1 })
      expect([circle.api.faults.left, applied(mutation) - before]).toEqual([0, 1])
    },
  )

  test.each(['garbage_share', 'huge_share'] as const)(
    'what comes back by %s is no answer: it is looked for',
    async (name) => {
      const { event, product } = await made()
      const before = applied('productUpdate')
      const title = `In spite of ${name}`
      Object.assign(circle.api.faults, { [name]: 1, left: 1, only: ['productUpdate'] })
      const job = await written({ kind: 'update_event', eventId: event, details: { changes: { title } } })
      Object.assign(circle.api.faults, { [name]: 0 })
      expect(job).toMatchObject({ state: 'done', attempts: 1 })
      expect([product.title, applied('productUpdate') - before]).toEqual([title, 1])
    },
  )

  test('an event whose making is not known is found by its handle', async () => {
    lose('productSet')
    const { job, product } = await made({ title: 'Made once' })
    expect(job.attempts).toBe(1)
    expect(circle.api.shop.products.filter(({ title }) => title === 'Made once')).toEqual([product])
    expect(circle.api.shop.published.get(product)?.size).toBe(2)
  })

  test('what was not done after all is done by the next attempt, after it was looked for again', async () => {
    const { event, product } = await made()
    const before = applied('productUpdate')
    fail('productUpdate')
    // A 503 says that nothing was done; of the others nobody knows.
    for (let nth = 1; ; nth++) {
      fail('productUpdate')
      const title = `Number ${nth}`
      const job = await written({ kind: 'update_event', eventId: event, details: { changes: { title } } })
      expect([job.state, product.title, applied('productUpdate') - before]).toEqual(['done', title, nth])
      if (job.attempts === 2) break
    }
  })

  test('what an attempt did whose worker was killed is not done again', async () => {
    const { event } = await made()
    const { ended, place, database } = circle
    const ids = []
    for (const [kind, details] of [
      ['update_event', { changes: { subtitle: 'Once', venue: { city: 'Hamburg', name: 'Hall' } } }],
      ['create_ticket', { ticket: { name: 'Once', price_cents: 700, capacity: 5 } }],
      ['unpublish_event', {}],
    ] as const) {
      const id = await place({ kind, eventId: event, details })
      await ended(id)
      ids.push(id)
    }
    const log = circle.api.shop.log.length
    // As if nobody had come to write down the end.
    for (const id of ids) {
      await database.admin`
        update onsale.jobs set state = 'running', result = null, confirmed_at = null, next_attempt_at = now()
        where id = ${id}`
      expect(await ended(id)).toMatchObject({ state: 'done', attempts: 2 })
    }
    expect(circle.api.shop.log.length).toBe(log)
  })
})

/** The job once it has been done, whether or not it is confirmed. */
async function doneAfter(id: number) {
  for (const endsAt = performance.now() + 10_000; performance.now() < endsAt; await Bun.sleep(10)) {
    const job = await jobOf(circle.database.admin, id)
    if (job.state === 'done') return job
  }
  throw new Error('The job was not done')
}

async function statusOf(event: number): Promise<string> {
  const [row] = await circle.database.admin<{ status: string }[]>`
    select status from onsale.events where id = ${event}`
  return row!.status
}
