import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createShop } from '../../sandbox/life.ts'
import { createRandom } from '../../sandbox/random.ts'
import type { ShopTruth } from '../../sandbox/truth.ts'
import type { Delivery } from '../../src/intake/model.ts'
import type { Session } from '../../src/platform/database.ts'
import { applyAll, delivery } from '../deliveries.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'

// The fake shop keeps its own truth, told by nobody's rule: what it has, sold and took back. Here its deliveries
// go straight to apply_deliveries, shuffled and with repetitions.

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

const seeds = process.env.LIFE_SEEDS?.split(',') ?? ['ada', 'björn', 'chloé', 'dario']
for (const [nth, seed] of seeds.entries()) {
  test(`the life of shop ${seed}, shuffled, ends in the shop's own truth`, async () => {
    const shop = createShop({ seed, events: 6, large_events: nth === 0 ? 1 : 0 })
    shop.live(1_200)
    const random = createRandom(`${seed}/order`)
    const again = shop.deliveries.filter(() => random.chance(0.2))
    const shuffled = random.shuffle([...shop.deliveries, ...again]).map(({ topic, headers, body }) =>
      delivery(topic, body, {
        id: headers['X-Shopify-Webhook-Id']!,
        at: headers['X-Shopify-Triggered-At']!,
        shop: shop.world.shop.domain,
      }),
    )
    await rollbackTest(database.admin, async (sql) => {
      for (const batch of batches(shuffled, 64)) await applyAll(sql, batch)
      await expectVerified(sql)
      expect(await served(sql)).toEqual(wanted(shop.truth()))
    })
  })
}

function* batches(deliveries: readonly Delivery[], size: number) {
  for (let from = 0; from < deliveries.length; from += size) yield deliveries.slice(from, from + size)
}

/** Living tickets by Shopify's id: what is left (below 0 where oversold) and what was sold. */
async function served(sql: Session) {
  const rows = await sql<{ variant: string; available: string | null; sold: string }[]>`
    select t.shopify_variant_id::text as variant, s.available::text, s.sold::text
    from onsale.tickets t
    join onsale.events e on e.id = t.event_id
    join onsale.stock s on s.ticket_id = t.id and s.channel = 'shopify'
    where e.deleted_at is null and not t.is_removed
    order by t.shopify_variant_id::text`
  return rows.map(
    ({ variant, available, sold }) => `${variant}: ${available ?? 'unlimited'} left, ${sold} sold`,
  )
}

function wanted(truth: ShopTruth) {
  return truth.events
    .filter((event) => event.status !== 'deleted')
    .flatMap((event) => event.tickets)
    .map((ticket) => `${ticket.variant_id}: ${ticket.available_raw ?? 'unlimited'} left, ${ticket.sold} sold`)
    .sort()
}
