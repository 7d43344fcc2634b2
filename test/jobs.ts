import { type Session, textArray } from '../src/platform/database.ts'

export type TestJob = {
  id: number
  kind: string
  subject: string
  request: Record<string, unknown>
  state: string
  attempts: number
  next_attempt_at: Date
  result: Record<string, unknown> | null
  errors: { message: string; field: string | null }[]
  created_by: string
  created_at: Date
  updated_at: Date
}

/** An instant of the day on which the tests' orders are placed. */
export const at = (time: string) => `2026-11-01T${time}Z`

/** Writes a job that is due from 12:00 on; returns its id. */
export async function addJob(
  sql: Session,
  {
    kind = 'work',
    subject = crypto.randomUUID() as string,
    state = 'queued',
    due = at('12:00:00'),
    eventId = null as number | null,
    attempts = 0,
  } = {},
): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into onsale.jobs (
      kind, subject, request, state, next_attempt_at, created_by, created_at, updated_at, event_id, attempts
    )
    values (
      ${kind}, ${subject}, '{"of": "a test"}', ${state}::text::onsale.job_state, ${due}::text::timestamptz, 'test',
      '2026-11-01T11:00:00Z', '2026-11-01T11:00:00Z', ${eventId}::bigint, ${attempts}::integer
    )
    returning id::integer`
  return row!.id
}

/** A job as it stands. */
export async function jobOf(sql: Session, id: number): Promise<TestJob> {
  const [row] = await sql<TestJob[]>`
    select
      id::integer, kind, subject, request, state, attempts, next_attempt_at, result, errors, created_by, created_at,
      updated_at
    from onsale.jobs where id = ${id}`
  return row!
}

/** Ids of the jobs that are handed out, with the number of the attempt; by id, for they come in any order. */
export async function claim(
  sql: Session,
  time: string,
  { kinds = ['work'], limit = 10, lease = '60 seconds', attemptsMax = null as number | null } = {},
): Promise<[id: number, attempt: number][]> {
  const rows = await sql<{ id: number; attempts: number }[]>`
    select j.id::integer, j.attempts
    from api.claim_jobs(
      p_kinds => ${textArray(kinds)}::text[], p_limit => ${limit}::integer, p_lease => ${lease}::text::interval,
      p_now => ${at(time)}::text::timestamptz, p_attempts_max => ${attemptsMax}::integer
    ) j`
  return rows
    .map(({ id, attempts }): [number, number] => [id, attempts])
    .sort(([one], [other]) => one - other)
}

/** Ends an attempt as done. */
export async function complete(
  sql: Session,
  id: number,
  attempt: number,
  time = '12:00:01',
): Promise<boolean> {
  const [row] = await sql<{ is_done: boolean }[]>`
    select api.complete_job(
      p_id => ${id}::bigint, p_attempt => ${attempt}::integer, p_result => '{"came": "out"}',
      p_now => ${at(time)}::text::timestamptz
    ) as is_done`
  return row!.is_done
}

/** Ends an attempt as not done. */
export async function fail(
  sql: Session,
  id: number,
  attempt: number,
  { state = 'waiting', retry = null as string | null, time = '12:00:01' } = {},
): Promise<boolean> {
  const [row] = await sql<{ is_done: boolean }[]>`
    select api.fail_job(
      p_id => ${id}::bigint, p_attempt => ${attempt}::integer, p_state => ${state}::text,
      p_errors => '[{"message": "Went wrong", "field": null}]',
      p_retry_at => ${retry === null ? null : at(retry)}::text::timestamptz, p_now => ${at(time)}::text::timestamptz
    ) as is_done`
  return row!.is_done
}

/** The refunds that are owed for payments, by id: [payment, state]. */
export async function refundsOf(sql: Session, payments: readonly number[]): Promise<[number, string][]> {
  const rows = await sql<{ payment: number; state: string }[]>`
    select (j.request ->> 'payment_id')::integer as payment, j.state
    from onsale.jobs j
    where j.kind = 'refund' and (j.request ->> 'payment_id')::bigint = any (${`{${payments}}`}::text::bigint[])
    order by 1`
  return rows.map(({ payment, state }) => [payment, state])
}

/** Stores that the money of a payment went back: [outcome, status of its order]. */
export async function refunded(
  sql: Session,
  eventId: number,
  payment: number,
  { name = `refund of ${payment}`, now = at('12:20:00') } = {},
): Promise<[outcome: string, orderStatus: string | null]> {
  const [row] = await sql<{ outcome: string; order_status: string | null }[]>`
    select r.outcome, r.order_status
    from api.apply_refund(
      p_event_id => ${eventId}::bigint, p_payment_id => ${payment}::bigint, p_provider_refund_id => ${name}::text,
      p_now => ${now}::text::timestamptz
    ) r`
  return [row!.outcome, row!.order_status]
}
