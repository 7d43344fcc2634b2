import { expect, test } from 'bun:test'
import { type Circle, startCircle } from '../circle.ts'

// What the deployment says of the shop, and what it leaves to the shop: where tickets are stocked, and what makes a product an event.

const night = (over: object = {}) => ({
  title: 'Rock Night',
  status: 'draft',
  tickets: [{ name: 'General', price_cents: 2500, capacity: 40 }],
  ...over,
})

async function withCircle(
  options: Parameters<typeof startCircle>[0],
  work: (circle: Circle) => Promise<void>,
): Promise<void> {
  const circle = await startCircle(options)
  try {
    await work(circle)
  } finally {
    await circle.stop()
  }
}

test('where a shop has several locations one must be named, and what is not counted needs none', async () => {
  await withCircle({ locations: 2, seed: 'two places' }, async (circle) => {
    const { placeEvent, ended, api } = circle
    const refused = await ended(await placeEvent(night()))
    expect([refused.state, refused.errors[0]?.message]).toEqual([
      'failed',
      'The shop has several locations: SHOPIFY_LOCATION_ID has to say which one stocks tickets',
    ])
    expect(api.shop.products).toHaveLength(0)

    const [, other] = api.shop.world.locations
    expect(await ended(await placeEvent(night(), other!.id))).toMatchObject({ state: 'done' })
    const levels = () => api.shop.products.at(-1)!.variants[0]!.item.levels
    expect(levels().map(({ location, available }) => [location.id, available])).toEqual([[other!.id, 40]])

    const tickets = [{ name: 'General', price_cents: 2500, capacity: null }]
    expect(await ended(await placeEvent(night({ tickets })))).toMatchObject({ state: 'done' })
  })
})

test('the configured location stocks what names none, also by difference', async () => {
  const probe = await startCircle({ locations: 2, seed: 'configured' })
  const [, second] = probe.api.shop.world.locations
  await probe.stop()
  const settings = { shopifyLocationId: second!.id }
  await withCircle({ locations: 2, seed: 'configured', settings }, async (circle) => {
    const made = await circle.ended(await circle.placeEvent(night()))
    const eventId = Number(made.result?.event_id)
    const [row] = await circle.database.admin<{ id: number }[]>`
      select id::integer from onsale.tickets where event_id = ${eventId}`
    const job = await circle.place({ kind: 'update_capacity', ticketId: row!.id, details: { capacity: 44 } })
    expect(await circle.ended(job)).toMatchObject({ state: 'done', result: { location_id: second!.id } })
    const [variant] = circle.api.shop.products[0]!.variants
    expect(variant!.item.levels.map(({ location, available }) => [location.id, available])).toEqual([
      [second!.id, 44],
    ])
  })
})

test('an event that is made has the tag and the type that make a product an event', async () => {
  const settings = { shopifyEventTag: 'onsale', shopifyEventType: 'Ticket' }
  await withCircle({ seed: 'marks', settings }, async (circle) => {
    await circle.database.admin`update onsale.settings set event_tag = 'onsale', event_type = 'ticket'`
    const job = await circle.ended(await circle.placeEvent(night({ status: 'active' })))
    expect(circle.api.shop.products[0]).toMatchObject({ tags: ['onsale'], product_type: 'Ticket' })
    const response = await fetch(`${circle.service.url}/events/${job.result?.event_id}`)
    expect(await response.json()).toMatchObject({ status: 'active', category: 'ticket' })

    const eventId = Number(job.result?.event_id)
    const changes = { category: 'concert' }
    const refused = await circle.ended(
      await circle.place({ kind: 'update_event', eventId, details: { changes } }),
    )
    expect(refused).toMatchObject({ state: 'failed', errors: [{ field: '/category' }] })
  })
})
