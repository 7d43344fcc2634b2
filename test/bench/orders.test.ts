import { expect, test } from 'bun:test'
import { hotEventOf, orderDelivery, soldAfter } from '../../bench/orders.ts'

const event = hotEventOf(1, 3)
const sent = Array.from({ length: 4_000 }, (_, n) => orderDelivery(event, n))

test('one delivery in ten is an earlier one again, with its id, topic and bytes', () => {
  const first = new Map<string, (typeof sent)[number]>()
  let again = 0
  for (const delivery of sent) {
    const before = first.get(delivery.webhookId)
    if (before === undefined) first.set(delivery.webhookId, delivery)
    else {
      again++
      expect(delivery).toEqual(before)
    }
  }
  expect(again).toBeGreaterThanOrEqual(390)
  expect(again).toBeLessThanOrEqual(400)
})

test('deliveries leave in another order than they were made in, and none is left out', () => {
  const slots = [...new Set(sent.map(({ webhookId }) => Number(webhookId.split('-')[1])))]
  expect(slots).not.toEqual(slots.toSorted((a, b) => a - b))
  const whole = Math.floor(slots.length / 200) * 200
  expect(slots.toSorted((a, b) => a - b).slice(0, whole)).toEqual(
    Array.from({ length: whole }, (_, slot) => slot),
  )
})

test('what was sold is the number of orders among what was sent', () => {
  for (const count of [0, 1, 37, 1_000, 3_999]) {
    const orders = new Set(sent.slice(0, count).map(({ body }) => JSON.parse(body).id))
    expect(soldAfter(count)).toBe(orders.size)
  }
})

test('a payment is newer than the creation of its order', () => {
  const bodies = sent.map(({ topic, body }) => ({ topic, ...JSON.parse(body) }))
  const paid = bodies.find(({ topic }) => topic === 'orders/paid')
  const created = bodies.find(({ topic, id }) => topic === 'orders/create' && id === paid.id)
  expect(paid.updated_at > created.updated_at).toBe(true)
  expect(paid.created_at).toBe(created.created_at)
})

test('ids stay below 2^53, where numbers are exact', () => {
  const far = hotEventOf(99, 100)
  const { id } = JSON.parse(orderDelivery(far, 10_000_000).body)
  for (const number of [id, far.productId, ...far.variantIds, ...far.itemIds]) {
    expect(Number.isSafeInteger(number)).toBe(true)
  }
  expect(
    new Set([far.productId, far.watched.variantId, far.watched.itemId, ...far.variantIds, ...far.itemIds])
      .size,
  ).toBe(203)
})
