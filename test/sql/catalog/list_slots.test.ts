import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function slotsOf(sql: TransactionSql, bits: string): Promise<number[]> {
  const rows = await sql<{ slot: number }[]>`
    select s.slot from api.list_slots(p_bits => ${bits}::text::bit varying) s order by s.slot`
  return rows.map(({ slot }) => slot)
}

check('the slots that are set, counted from 0', async (sql) => {
  expect(await slotsOf(sql, '1001011')).toEqual([0, 3, 5, 6])
  expect(await slotsOf(sql, '0110')).toEqual([1, 2])
})

check('none of an empty bitmap, and none of zeros', async (sql) => {
  expect(await slotsOf(sql, '')).toEqual([])
  expect(await slotsOf(sql, '0'.repeat(9000))).toEqual([])
})

check('they are what the bitmap was made of', async (sql) => {
  const slots = Array.from({ length: 700 }, (_, nth) => nth * 13 + (nth % 7))
  const [row] = await sql<
    { bits: string }[]
  >`select api.get_bits(repeat('0', 10000)::bit varying, ${`{${slots}}`}::text::integer[], 1)::text as bits`
  expect(await slotsOf(sql, row!.bits)).toEqual(slots)
})
