import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { jobOf } from '../../jobs.ts'
import { ordered, results, start } from '../../payments.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function answer(
  sql: TransactionSql,
  event: number,
  payment: number,
  name: string,
  url: string | null = 'https://pay.example/1',
): Promise<string> {
  const [row] = await sql<{ outcome: string }[]>`
    select r.outcome from api.update_payments(
      p_event_id => ${event}::bigint, p_payment_ids => array[${payment}::bigint],
      p_provider_payment_ids => array[${name}::text], p_redirect_urls => array[${url}::text],
      p_now => '2026-11-01T12:02:00Z'
    ) r`
  return row!.outcome
}

const stored = async (sql: TransactionSql, payment: number) =>
  (
    await sql`
      select provider_payment_id, redirect_url, status, updated_at from onsale.payments where id = ${payment}`
  )[0]

check("the provider's answer is stored, and the same answer again changes nothing", async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  expect(await answer(sql, event, payment_id, 'far 1')).toBe('updated')
  const first = await stored(sql, payment_id)
  expect(first).toMatchObject({
    provider_payment_id: 'far 1',
    redirect_url: 'https://pay.example/1',
    status: 'PENDING',
  })
  expect(await answer(sql, event, payment_id, 'far 1')).toBe('unchanged')
  expect(await stored(sql, payment_id)).toEqual(first)
})

check('another answer is a conflict and changes nothing', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  await answer(sql, event, payment_id, 'far 1')
  const first = await stored(sql, payment_id)
  expect(await answer(sql, event, payment_id, 'far 2')).toBe('conflict')
  expect(await answer(sql, event, payment_id, 'far 1', 'https://pay.example/2')).toBe('conflict')
  expect(await answer(sql, event, payment_id, 'far 1', null)).toBe('conflict')
  expect(await stored(sql, payment_id)).toEqual(first)
})

check("a provider's name is one payment's only; another provider may use it too", async (sql) => {
  const { event, orders } = await ordered(sql, { buyers: 3 })
  const [first, second, third] = [
    await start(sql, event, orders[0] ?? 0),
    await start(sql, event, orders[1] ?? 0),
    await start(sql, event, orders[2] ?? 0, { provider: 'another' }),
  ]
  expect(await answer(sql, event, first.payment_id, 'far 1')).toBe('updated')
  expect(await answer(sql, event, second.payment_id, 'far 1')).toBe('conflict')
  expect(await answer(sql, event, third.payment_id, 'far 1', null)).toBe('updated')
  expect(await answer(sql, event, third.payment_id, 'far 1', null)).toBe('unchanged')
})

check('a payment that is not there, or of another event, is not found', async (sql) => {
  const { event, order } = await ordered(sql)
  const other = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  expect(await answer(sql, event, 999_999, 'far 1')).toBe('not_found')
  expect(await answer(sql, other.event, payment_id, 'far 1')).toBe('not_found')
})

check('a result that was faster than the answer stays', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  await results(sql, event, [{ payment: payment_id, order }])
  expect(await answer(sql, event, payment_id, 'far 1')).toBe('updated')
  expect(await stored(sql, payment_id)).toMatchObject({ provider_payment_id: 'far 1', status: 'SUCCESS' })
})

check('what failed to start it before is done once the provider has answered', async (sql) => {
  const { event, orders } = await ordered(sql, { buyers: 2 })
  const jobs: number[] = []
  const payments: number[] = []
  for (const order of orders) {
    const { payment_id } = await start(sql, event, order)
    await sql`
      select from api.place_dead_job('start_payment', ${`payment ${payment_id}`}, '{}', '[{"message": "Away"}]', 'payment')`
    const [row] = await sql<{ id: number }[]>`select max(id)::integer as id from onsale.jobs`
    jobs.push(row!.id)
    payments.push(payment_id)
  }
  const [job = 0, another = 0] = jobs
  expect(await answer(sql, event, payments[0] ?? 0, 'far 1')).toBe('updated')
  expect(await jobOf(sql, job)).toMatchObject({
    state: 'done',
    errors: [],
    updated_at: new Date('2026-11-01T12:02:00Z'),
  })
  expect(await jobOf(sql, another)).toMatchObject({ state: 'dead' })
})

check('a refund that is owed, and a start that a worker is at, are not ended by the answer', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  for (const [kind, state] of [
    ['refund', 'queued'],
    ['start_payment', 'running'],
  ] as const) {
    await sql`
      insert into onsale.jobs (kind, subject, request, state, next_attempt_at, created_by, created_at, updated_at)
      values (${kind}, ${`payment ${payment_id}`}, '{}', ${state}::text::onsale.job_state, now(), 'test', now(), now())`
  }
  expect(await answer(sql, event, payment_id, 'far 1')).toBe('updated')
  const states = await sql`select state from onsale.jobs order by id`
  expect(states.map(({ state }) => state)).toEqual(['queued', 'running'])
})

check('a batch has an answer for each, in its order; of two with one name the first has it', async (sql) => {
  const { event, orders } = await ordered(sql, { buyers: 2 })
  const first = (await start(sql, event, orders[0] ?? 0)).payment_id
  const second = (await start(sql, event, orders[1] ?? 0)).payment_id
  const rows = await sql<{ ordinal: number; outcome: string }[]>`
    select r.ordinal, r.outcome from api.update_payments(
      p_event_id => ${event}::bigint,
      p_payment_ids => array[${second}::bigint, 999999, ${first}::bigint, ${second}::bigint],
      p_provider_payment_ids => '{far 1,far 2,far 1,far 1}', p_redirect_urls => '{null,null,null,null}'
    ) r
    order by r.ordinal`
  expect(rows.map(({ ordinal, outcome }) => [ordinal, outcome])).toEqual([
    [1, 'updated'],
    [2, 'not_found'],
    [3, 'conflict'],
    [4, 'unchanged'],
  ])
})
