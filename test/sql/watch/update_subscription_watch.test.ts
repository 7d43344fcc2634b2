import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const url = 'https://tickets.example/webhooks/shopify'

check('another address begins anew, the same one changes nothing, and none ends the watch', async (sql) => {
  const update = (to: string | null) => sql`select from api.update_subscription_watch(${to}::text)`
  const row = async () => (await sql`select url, fault_count from onsale.subscription_watch`)[0]
  await update(url)
  await sql`select from api.complete_subscription_watch(2)`
  await update(url)
  expect(await row()).toEqual({ url, fault_count: 2 })
  await update(`${url}?more`)
  expect(await row()).toEqual({ url: `${url}?more`, fault_count: null })
  await update(null)
  expect(await row()).toEqual({ url: null, fault_count: null })
})
