import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('it is off until somebody says otherwise, and can be taken back', async (sql) => {
  const isConnected = async () => (await sql`select is_connected from onsale.settings`)[0]?.is_connected
  expect(await isConnected()).toBe(false)
  for (const now of [true, true, false]) {
    await sql`select from api.update_connection(${now}::boolean)`
    expect(await isConnected()).toBe(now)
  }
})
