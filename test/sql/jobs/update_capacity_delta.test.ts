import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order } from '../../deliveries.ts'
import { at, fail } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, finish, mirror, queued, writeJob } from '../../writes.ts'

const check = scratchTests()

async function delta(sql: Session, job: number, attempt: number, time = '12:00:02') {
  const [row] = await sql<{ delta: number | null }[]>`
    select api.update_capacity_delta(
      p_job_id => ${job}::bigint, p_attempt => ${attempt}::integer, p_now => ${at(time)}::text::timestamptz
    )::integer as delta`
  return row!.delta
}

const wanted = (sql: Session, ticket: number, capacity: number | null) =>
  queued(sql, 'update_capacity', { ticket, details: { capacity, location_id: '1' } })
const tell = (sql: Session, available: number, time: string) =>
  apply(sql, delivery('inventory_levels/update', level(available, { updated_at: at(time) })))
const sell = (sql: Session, id: number, quantity: number, time: string) => {
  const lines = [{ id: 1, variant_id: 11, quantity, current_quantity: quantity }]
  return apply(sql, delivery('orders/create', order({ id, lines, at: at(time) })))
}

check('it is what is missing to the capacity that is wanted, whatever is sold', async (sql) => {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  await sell(sql, 1, 30, '11:30:00')
  const job = await wanted(sql, ticket, 120)
  expect(await delta(sql, job, await begin(sql, job))).toBe(20)
  expect(await writeJob(sql, job)).toMatchObject({ request: { capacity: 120, delta: 20 } })
})

check('a later attempt asks for the same, whatever the mirror shows by then', async (sql) => {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  const job = await wanted(sql, ticket, 90)
  expect(await delta(sql, job, await begin(sql, job))).toBe(-10)
  await fail(sql, job, 1, { retry: '12:00:05' })
  await tell(sql, 90, '12:00:01')
  expect(await delta(sql, job, await begin(sql, job, '12:00:05'))).toBe(-10)
})

check(
  'after a day nobody knows whether it was added: it is worked out anew, under a new key',
  async (sql) => {
    const { ticket } = await mirror(sql)
    await tell(sql, 100, '11:00:00')
    const job = await wanted(sql, ticket, 90)
    const keyOf = async () => {
      const [row] = await sql<
        { key: string }[]
      >`select idempotency_key as key from onsale.jobs where id = ${job}`
      return row!.key
    }
    expect(await delta(sql, job, await begin(sql, job))).toBe(-10)
    const key = await keyOf()
    const dayLater = async (time: string) => {
      const [row] = await sql<{ delta: number | null }[]>`
      select api.update_capacity_delta(
        p_job_id => ${job}::bigint, p_attempt => 1, p_now => ${at(time)}::text::timestamptz + interval '1 day'
      )::integer as delta`
      return row!.delta
    }
    await tell(sql, 95, '13:00:00')
    expect(await dayLater('10:00:00')).toBe(-10)
    expect(await keyOf()).toBe(key)
    expect(await dayLater('12:00:00')).toBeNull()
    expect(await keyOf()).not.toBe(key)
    expect(await dayLater('12:00:00')).toBe(-5)
  },
)

check('nothing is to be done where it is so already', async (sql) => {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  const job = await wanted(sql, ticket, 100)
  expect(await delta(sql, job, await begin(sql, job))).toBe(0)
})

check('what was done before counts until the mirror shows it, and not a moment longer', async (sql) => {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  const first = await wanted(sql, ticket, 120)
  await delta(sql, first, await begin(sql, first))
  await fail(sql, first, 1, { retry: '12:00:01' })
  await finish(sql, first, { shopify_updated_at: at('12:00:02') }, '12:00:02')

  // Of two that ask for the same, one before the mirror shows the first and one after it, not yet confirmed.
  for (const [isShown, time] of [
    [false, '12:00:03'],
    [true, '12:00:04'],
  ] as const) {
    if (isShown) await tell(sql, 120, '12:00:02')
    const job = await wanted(sql, ticket, 150)
    expect(await delta(sql, job, await begin(sql, job, time), time)).toBe(30)
    await fail(sql, job, 1, { state: 'failed', time })
  }
})

check(
  "what the direct channel has is part of the capacity, and units that were moved there have left Shopify's",
  async (sql) => {
    const { event, ticket } = await mirror(sql)
    await tell(sql, 100, '11:00:00')
    await sql`insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${ticket}, 'direct', 40)`
    const [moved] = await sql<{ id: number }[]>`
    insert into onsale.jobs (
      kind, subject, event_id, ticket_id, request, state, result, next_attempt_at, created_by, created_at, updated_at
    )
    values (
      'move_allotment', 'event', ${event}, ${ticket}, '{}', 'done',
      ${JSON.stringify({ delta: -40, shopify_updated_at: at('12:00:00') })}::text::jsonb, now(), 'test',
      ${at('12:00:00')}::text::timestamptz, ${at('12:00:00')}::text::timestamptz
    )
    returning id::integer`
    const before = await wanted(sql, ticket, 130)
    expect(await delta(sql, before, await begin(sql, before))).toBe(30)
    await fail(sql, before, 1, { state: 'failed' })
    await tell(sql, 60, '12:00:01')
    const after = await wanted(sql, ticket, 130)
    expect(await delta(sql, after, await begin(sql, after))).toBe(30)
    expect(await writeJob(sql, moved!.id)).toMatchObject({ confirmed_at: null })
  },
)

check('a ticket that is not tracked counts with what it had', async (sql) => {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  await apply(
    sql,
    delivery('inventory_items/update', { id: 1011, tracked: false, updated_at: at('11:30:00') }),
  )
  const job = await wanted(sql, ticket, 120)
  expect(await delta(sql, job, await begin(sql, job))).toBe(20)
})

check('there is none where no number is wanted, or the attempt is another', async (sql) => {
  const { ticket } = await mirror(sql)
  const unlimited = await wanted(sql, ticket, null)
  expect(await delta(sql, unlimited, await begin(sql, unlimited))).toBeNull()
  await fail(sql, unlimited, 1, { state: 'failed' })
  const job = await wanted(sql, ticket, 120)
  expect(await delta(sql, job, 0)).toBeNull()
  const attempt = await begin(sql, job)
  expect(await delta(sql, job, attempt + 1)).toBeNull()
  expect(await writeJob(sql, job)).toMatchObject({ request: { delta: null } })
})
