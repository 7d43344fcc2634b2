import type { TransactionSql } from 'postgres'
import { type SyncKind, syncKinds } from '../src/shopify/calls.ts'
import { stagedRun } from './sync.ts'

/** An instant of the day on which the tests' snapshots are made, at 12:00. */
export const at = (time: string) => `2026-11-01T${time}Z`

/** A snapshot of 12:00 made of these lines, and a reconciliation with it; a grace of 10 minutes. */
export async function placed(
  sql: TransactionSql,
  files: Partial<Record<SyncKind, Record<string, unknown>[]>>,
  { isDryRun = false, repairsMax = 100 } = {},
): Promise<{ id: number; runId: number }> {
  const runId = await stagedRun(sql, files, { purpose: 'reconcile' })
  const [row] = await sql<{ id: number }[]>`
    select api.place_reconciliation(
      ${runId}::bigint, ${isDryRun}::boolean, ${repairsMax}::integer, '10 minutes', 'a person',
      ${at('12:00:10')}::text::timestamptz
    )::integer as id`
  return { id: row!.id, runId }
}

/** Compares all files of its snapshot, at this time. */
export async function compared(sql: TransactionSql, id: number, time = '12:30:00'): Promise<void> {
  for (const part of syncKinds) {
    await sql`
      select from api.apply_comparison(
        ${id}::bigint, ${part}::text, 0::bigint, 100::integer, ${at(time)}::text::timestamptz
      )`
  }
}

/** What it has found. */
export async function differences(sql: TransactionSql) {
  const rows = await sql<
    { what: string; cause: string; topic: string; evidence: unknown; outcome: string | null }[]
  >`
    select d.kind || ' ' || d.key as what, d.cause, d.topic, d.evidence, d.outcome
    from onsale.differences d order by d.id`
  return [...rows]
}
