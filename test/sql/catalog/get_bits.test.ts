import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function bitsOf(sql: TransactionSql, slots: number[] | null, length: number): Promise<string | null> {
  const [row] = await sql<{ bits: string | null }[]>`
    select api.get_bits(p_slots => ${slots && `{${slots}}`}::text::integer[], p_length => ${length})::text as bits`
  return row!.bits
}

check('the given slots are set, in whatever order they come', async (sql) => {
  expect(await bitsOf(sql, [3, 0, 3], 5)).toBe('10010')
  expect(await bitsOf(sql, [], 3)).toBe('000')
  expect(await bitsOf(sql, [], 0)).toBe('')
  expect(await bitsOf(sql, null, 3)).toBeNull()
})

check('a slot beyond the end is a fault', async (sql) => {
  expect(await sql.savepoint((sql) => bitsOf(sql, [3], 3)).catch((error) => error.code)).toBe('2202E')
})
