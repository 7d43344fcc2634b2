import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('it is null until the shop was told an address', async (sql) => {
  const get = async () => (await sql`select api.get_subscription_url() as url`)[0]?.url
  expect(await get()).toBeNull()
  await sql`select from api.update_subscription_watch('https://tickets.example/webhooks/shopify')`
  expect(await get()).toBe('https://tickets.example/webhooks/shopify')
})
