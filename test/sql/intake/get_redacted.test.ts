import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery } from '../../deliveries.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function isRedacted(sql: Session, body: string, shop = 'demo.myshopify.com') {
  const [row] = await sql`select api.get_redacted(${Buffer.from(body, 'latin1')}, ${shop}) as is_redacted`
  return row?.is_redacted
}
const redact = (sql: Session) =>
  apply(sql, delivery('customers/redact', { customer: { id: 9_007_199_254 }, orders_to_redact: [22] }))

check('where nobody asked to be forgotten, nothing is', async (sql) => {
  expect(await isRedacted(sql, '{"customer":{"id":9007199254}}')).toBe(false)
})

check('a body that names the customer or the order, as a number or within a gid', async (sql) => {
  await redact(sql)
  expect(await isRedacted(sql, '{"customer":{"id":9007199254}}')).toBe(true)
  expect(await isRedacted(sql, '{"id": 22 }')).toBe(true)
  expect(await isRedacted(sql, '"gid://shopify/Customer/9007199254"')).toBe(true)
})

check('a number that only contains the id is another', async (sql) => {
  await redact(sql)
  expect(await isRedacted(sql, '{"customer":{"id":90071992540}, "x": 122, "y": 221}')).toBe(false)
})

check('bytes that are no text are searched all the same', async (sql) => {
  await redact(sql)
  expect(await isRedacted(sql, '{"name":"\xff\xfe\\","id":22,')).toBe(true)
})

check('every body of a redacted shop', async (sql) => {
  await apply(sql, delivery('shop/redact', { shop_id: 1 }))
  expect(await isRedacted(sql, '{}')).toBe(true)
  expect(await isRedacted(sql, '{}', 'other.myshopify.com')).toBe(false)
})
