import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const now = '2098-06-10T12:00:00Z'
const running = { startsAt: '2098-06-01T12:00:00Z', endsAt: '2098-07-01T12:00:00Z' }

async function runningIds(
  sql: TransactionSql,
  {
    from = now,
    to = 'infinity',
    category = null,
  }: { from?: string | null; to?: string; category?: string | null } = {},
): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select e.id::integer
    from api.list_running_events(
      p_category => ${category}::text, p_from => ${from}::text::timestamptz, p_to => ${to}::text::timestamptz
    ) e
    order by e.id`
  return rows.map(({ id }) => id)
}

check('an event runs from after its start up to and with its end', async (sql) => {
  const id = await addEvent(sql, running)
  expect(await runningIds(sql)).toEqual([id])
  expect(await runningIds(sql, { from: running.startsAt })).toEqual([])
  expect(await runningIds(sql, { from: '2098-06-01T12:00:00.000001Z' })).toEqual([id])
  expect(await runningIds(sql, { from: running.endsAt })).toEqual([id])
  expect(await runningIds(sql, { from: '2098-07-01T12:00:00.000001Z' })).toEqual([])
})

check('by category, and only what began up to p_to', async (sql) => {
  const concert = await addEvent(sql, running)
  const jazz = await addEvent(sql, { ...running, category: 'jazz' })
  await addEvent(sql, { ...running, category: null })
  expect(await runningIds(sql, { category: 'concert' })).toEqual([concert])
  expect(await runningIds(sql, { category: 'jazz', to: running.startsAt })).toEqual([jazz])
  expect(await runningIds(sql, { category: 'jazz', to: '2098-06-01T11:59:59Z' })).toEqual([])
})

check('drafts, archived, unlisted and deleted events do not run', async (sql) => {
  for (const status of ['draft', 'archived', 'unlisted'] as const) await addEvent(sql, { ...running, status })
  await addEvent(sql, { ...running, deletedAt: '2026-01-01' })
  expect(await runningIds(sql)).toEqual([])
})

check('nothing runs without both instants, or where the end lies before the start', async (sql) => {
  await addEvent(sql, { startsAt: running.startsAt })
  await addEvent(sql, { startsAt: null, endsAt: running.endsAt })
  await addEvent(sql, { startsAt: running.endsAt, endsAt: running.startsAt })
  await addEvent(sql, { startsAt: now, endsAt: now })
  expect(await runningIds(sql)).toEqual([])
})

check('at no instant nothing runs', async (sql) => {
  await addEvent(sql, running)
  expect(await runningIds(sql, { from: null })).toEqual([])
})
