import { afterAll, beforeAll, expect, test } from 'bun:test'
import { decimalText } from '../../src/shopify/money.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ connections: 1 })
})
afterAll(() => database.drop())

test('minor units are written by the exponent of their currency', () => {
  expect(decimalText(2550, 'EUR')).toBe('25.50')
  expect(decimalText(5, 'EUR')).toBe('0.05')
  expect(decimalText(2550, 'JPY')).toBe('2550')
  expect(decimalText(2550, 'KWD')).toBe('2.550')
})

test('what is written comes back the same, in every currency', async () => {
  const currencies = Intl.supportedValuesOf('currency')
  for (const cents of [0, 1, 99, 2550, 1_000_000_000]) {
    const texts = currencies.map((currency) => decimalText(cents, currency))
    const read = await database.admin<{ currency: string; cents: number }[]>`
      select u.currency, api.get_cents(u.text, u.currency)::float8 as cents
      from unnest(${`{${texts}}`}::text[], ${`{${currencies}}`}::text[]) as u (text, currency)`
    expect(read.filter((row) => row.cents !== cents)).toEqual([])
    expect(read.length).toBe(currencies.length)
  }
})
