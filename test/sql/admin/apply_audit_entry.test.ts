import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { auditOf } from '../../admin.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function write(sql: TransactionSql, before: unknown, after: unknown): Promise<boolean> {
  const text = (state: unknown) => (state === null ? null : JSON.stringify(state))
  const [row] = await sql<{ differs: boolean }[]>`
    select api.apply_audit_entry(
      p_actor => 'user 7', p_action => 'event.update', p_subject => 'event 42', p_before => ${text(before)}::text::jsonb,
      p_after => ${text(after)}::text::jsonb, p_now => '2026-11-01T12:00:00Z'
    ) as differs`
  return row!.differs
}

check('only the fields that differ are kept, cleared ones and nested ones as well', async (sql) => {
  const before = { title: 'A', subtitle: 'B', venue: { city: 'Hamburg' }, starts_at: null }
  const after = { title: 'A', subtitle: null, venue: { city: 'Kiel' }, starts_at: '2098-01-01' }
  expect(await write(sql, before, after)).toBe(true)
  expect(await auditOf(sql, 'event 42')).toEqual([
    {
      actor: 'user 7',
      action: 'event.update',
      before: { subtitle: 'B', venue: { city: 'Hamburg' }, starts_at: null },
      after: { subtitle: null, venue: { city: 'Kiel' }, starts_at: '2098-01-01' },
    },
  ])
})

check('a row that is new has no before, and its empty fields are left out', async (sql) => {
  expect(await write(sql, null, { title: 'A', subtitle: null })).toBe(true)
  expect(await auditOf(sql, 'event 42')).toMatchObject([{ before: null, after: { title: 'A' } }])
})

check('where nothing differs but what counts and derives, nothing is written', async (sql) => {
  expect(
    await write(sql, { title: 'A', version: 1, search: 'a' }, { title: 'A', version: 2, search: 'b' }),
  ).toBe(false)
  expect(await auditOf(sql, 'event 42')).toEqual([])
})
