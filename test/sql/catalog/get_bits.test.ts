import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function bitsOf(
  sql: TransactionSql,
  { bits, slots, value = 1 }: { bits: string; slots: number[] | null; value?: number },
): Promise<string | null> {
  const [row] = await sql<{ bits: string | null }[]>`
    select api.get_bits(
      p_bits => ${bits}::text::bit varying, p_slots => ${slots && `{${slots}}`}::text::integer[],
      p_value => ${value}::integer
    )::text as bits`
  return row!.bits
}

check('the given slots are set, in whatever order they come, and the others stay', async (sql) => {
  expect(await bitsOf(sql, { bits: '00000', slots: [3, 0, 3] })).toBe('10010')
  expect(await bitsOf(sql, { bits: '01100', slots: [0, 1] })).toBe('11100')
  expect(await bitsOf(sql, { bits: '11111', slots: [4, 1], value: 0 })).toBe('10110')
})

check('no slots change nothing, and null is null', async (sql) => {
  expect(await bitsOf(sql, { bits: '010', slots: [] })).toBe('010')
  expect(await bitsOf(sql, { bits: '', slots: [] })).toBe('')
  expect(await bitsOf(sql, { bits: '010', slots: null })).toBeNull()
})

check('a slot beyond the end is a fault', async (sql) => {
  const fault = sql.savepoint((sql) => bitsOf(sql, { bits: '000', slots: [3] }))
  expect(await fault.catch((error) => error.code)).toBe('2202E')
})
