import { expect } from 'bun:test'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

for (const [amount, currency, cents] of [
  ['25.00', 'EUR', '2500'],
  ['25', 'EUR', '2500'],
  ['0.1', 'USD', '10'],
  ['0', 'USD', '0'],
  ['19.999', 'EUR', '2000'],
  ['1.005', 'EUR', '101'],
  ['1200', 'JPY', '1200'],
  ['1200.00', 'JPY', '1200'],
  ['5000', 'CLP', '5000'],
  ['5000', 'KRW', '5000'],
  ['1.234', 'BHD', '1234'],
  ['1.2', 'KWD', '1200'],
  // Beyond what a double holds exactly.
  ['90071992547409.93', 'EUR', '9007199254740993'],
] as const) {
  check(`${amount} ${currency} is ${cents} in minor units`, async (sql) => {
    const [row] = await sql`select api.get_cents(${amount}, ${currency})::text as cents`
    expect(row).toEqual({ cents })
  })
}

check('nothing stays nothing', async (sql) => {
  const [row] = await sql`select api.get_cents(null, 'EUR') as cents`
  expect(row).toEqual({ cents: null })
})

for (const [amount, sqlState] of [
  ['free', '22P02'],
  ['', '22P02'],
  ['1e30', '22003'],
  ['NaN', '0A000'],
] as const) {
  check(`"${amount}" is refused`, async (sql) => {
    expect(await sqlStateOf(sql, (sql) => sql`select api.get_cents(${amount}, 'EUR')`)).toBe(sqlState)
  })
}
