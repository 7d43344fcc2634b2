import { expect, test } from 'bun:test'
import { createDemo } from '../../sandbox/demo.ts'
import { localTime } from '../../sandbox/playbill.ts'
import { applyRule } from './rule.ts'

const today = new Date('2026-11-21T10:00:00Z')
const demo = createDemo({ today })

test('some 200 events with 1 to 4 tickets, all ahead and within seven months', () => {
  expect(demo.truth.events.length).toBe(200)
  for (const event of demo.truth.events) {
    expect(event.status).toBe('active')
    expect(event.tickets.length).toBeWithin(1, 5)
    expect(Date.parse(event.starts_at!)).toBeGreaterThan(today.getTime())
    expect(Date.parse(event.starts_at!)).toBeLessThan(today.getTime() + 210 * 86_400_000)
    expect(Date.parse(event.ends_at!)).toBeGreaterThan(Date.parse(event.starts_at!))
  }
  expect(new Set(demo.truth.events.map(({ title }) => title)).size).toBe(200)
  expect(new Set(demo.truth.events.map(({ category }) => category)).size).toBeGreaterThan(8)
})

test('some are sold out, some nearly, most are not', () => {
  const left = demo.truth.events.map(({ tickets }) => {
    const capacity = tickets.reduce((sum, ticket) => sum + (ticket.capacity ?? 0), 0)
    return tickets.reduce((sum, ticket) => sum + (ticket.available ?? 0), 0) / Math.max(1, capacity)
  })
  expect(left.filter((share) => share === 0).length).toBeWithin(8, 40)
  expect(left.filter((share) => share > 0 && share < 0.08).length).toBeWithin(10, 60)
  expect(left.filter((share) => share > 0.3).length).toBeGreaterThan(80)
})

test('the same day tells the same bytes; nothing in them is of the future', () => {
  expect(createDemo({ today: new Date('2026-11-21T23:59:59Z') }).deliveries).toEqual(demo.deliveries)
  const stamps = demo.deliveries.map((delivery) => delivery.headers['X-Shopify-Triggered-At']!)
  expect(stamps.sort().at(-1)! < '2026-11-21').toBe(true)
})

test('another day tells the same events and sales, moved ahead, as news', () => {
  const later = createDemo({ today: new Date('2026-12-25T10:00:00Z') })
  const kept = ({ truth }: typeof demo) =>
    truth.events.map(({ product_id, title, tickets }) => ({ product_id, title, tickets }))
  expect(kept(later)).toEqual(kept(demo))
  expect(Date.parse(later.truth.events[0]!.starts_at!)).toBeGreaterThan(
    Date.parse(demo.truth.events[0]!.starts_at!),
  )
  const ids = (shop: typeof demo) =>
    shop.deliveries.map((delivery) => delivery.headers['X-Shopify-Webhook-Id'])
  expect(new Set([...ids(demo), ...ids(later)]).size).toBe(demo.deliveries.length + later.deliveries.length)
})

test('the last word on each record is enough for the truth, from any day and from two', () => {
  const [small, later] = [today, new Date('2026-11-24T10:00:00Z')].map((day) =>
    createDemo({ today: day, events: 40 }),
  )
  for (const deliveries of [small!.deliveries, [...later!.deliveries, ...small!.deliveries]]) {
    const counts = applyRule(deliveries, { tombstones_date_base: true })
    for (const { variant_id, available_raw, sold } of small!.truth.events.flatMap((event) => event.tickets)) {
      expect(counts.get(variant_id)).toEqual({ variant_id, available: available_raw, sold })
    }
  }
})

test('events begin at a round time where they take place', () => {
  expect(localTime('2026-12-01T19:30:00', 'Europe/Berlin').toISOString()).toBe('2026-12-01T18:30:00.000Z')
  expect(localTime('2026-07-01T19:30:00', 'America/New_York').toISOString()).toBe('2026-07-01T23:30:00.000Z')
})
