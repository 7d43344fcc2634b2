import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createShop } from '../../sandbox/life.ts'
import { createRandom } from '../../sandbox/random.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'
import { applyInBatches, served, told, wanted } from '../living_shop.ts'

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
    const shuffled = random
      .shuffle([...shop.deliveries, ...again])
      .map((one) => told(one, { shop: shop.world.shop.domain }))
    await rollbackTest(database.admin, async (sql) => {
      await applyInBatches(sql, shuffled)
      await expectVerified(sql)
      expect(await served(sql)).toEqual(wanted(shop.truth()))
    })
  })
}
