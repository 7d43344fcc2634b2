import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { goOn, mirrored, queued as queuedMove } from '../../allotment.ts'
import { addJob, at, claim, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { finish, mirror, pendingOf, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

async function retry(sql: TransactionSql, id: number) {
  const [row] = await sql<{ outcome: string; body: { id: number; state: string } | null }[]>`
    select r.outcome, r.body
    from api.update_job_due(p_id => ${id}::bigint, p_actor => 'user 7', p_now => ${at('12:30:00')}::text::timestamptz) r`
  return row!
}
const audit = async (sql: TransactionSql, id: number) => [
  ...(await sql`select actor, action, before, after from onsale.audit_log where subject = ${`job ${id}`}`),
]

for (const state of ['waiting', 'failed', 'dead']) {
  check(`a job that is ${state} is due at once, and the audit log says who`, async (sql) => {
    const id = await addJob(sql, { state, due: at('18:00:00') })
    const { outcome, body } = await retry(sql, id)
    expect([outcome, body]).toMatchObject([
      'queued',
      { id, state: 'queued', next_attempt_at: '2026-11-01T12:30:00.000Z' },
    ])
    expect(await audit(sql, id)).toEqual([
      { actor: 'user 7', action: 'job.retry', before: { state }, after: { state: 'queued' } },
    ])
    expect(await claim(sql, '12:30:00')).toEqual([[id, 1]])
  })
}

for (const state of ['queued', 'running', 'done']) {
  check(`a job that is ${state} stays as it is`, async (sql) => {
    const id = await addJob(sql, { state, due: at('18:00:00') })
    const before = await jobOf(sql, id)
    const { outcome, body } = await retry(sql, id)
    expect([outcome, body]).toMatchObject(['unchanged', { id, state }])
    expect(await jobOf(sql, id)).toEqual(before)
    expect(await audit(sql, id)).toEqual([])
  })
}

check('what it failed for stays to be read, and its attempts count on', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00')
  await fail(sql, id, 1, { state: 'dead' })
  await retry(sql, id)
  expect(await jobOf(sql, id)).toMatchObject({ attempts: 1, errors: [{ message: 'Went wrong' }] })
  expect((await retry(sql, id)).outcome).toBe('unchanged')
})

check('a job that is not there is not found', async (sql) => {
  expect(await retry(sql, 999_999)).toEqual({ outcome: 'not_found', body: null })
})

check('a change of an event that is tried again is a revision of it, once', async (sql) => {
  const { event } = await mirror(sql)
  const id = await queued(sql, 'publish_event', { event })
  await sql`select api.cancel_job(p_id => ${id}::bigint, p_actor => 'user 7')`
  const before = await revisionOf(sql, event)
  await sql`select api.update_job_due(p_id => ${id}::bigint, p_actor => 'user 7')`
  await sql`select api.update_job_due(p_id => ${id}::bigint, p_actor => 'user 7')`
  expect(await revisionOf(sql, event)).toBe(before + 1)
  expect(await pendingOf(sql, event)).toEqual([['publish_event', 'queued']])
})

type Write = Parameters<typeof queued>[2]

/** A change that Shopify refused. */
async function refused(sql: TransactionSql, kind: string, options: Write): Promise<number> {
  const id = await queued(sql, kind, options)
  await sql`update onsale.jobs set state = 'failed', attempts = 1 where id = ${id}`
  return id
}

const named = (title: string) => ({ changes: { title } })

for (const state of ['queued', 'running', 'waiting', 'done']) {
  check(`a change is not tried again where a later one of the same is ${state}`, async (sql) => {
    const { event } = await mirror(sql)
    const first = await refused(sql, 'update_event', { event, details: named('A') })
    const second = await queued(sql, 'update_event', { event, details: named('B') })
    await sql`update onsale.jobs set state = ${state}::text::onsale.job_state where id = ${second}`
    const before = await revisionOf(sql, event)
    const { outcome, body } = await retry(sql, first)
    expect([outcome, body]).toMatchObject(['overtaken', { id: second, state }])
    expect(await jobOf(sql, first)).toMatchObject({ state: 'failed', attempts: 1 })
    expect([await audit(sql, first), await revisionOf(sql, event)]).toEqual([[], before])
  })
}

check('the newest is told, and what was given up or discarded has changed nothing', async (sql) => {
  const { event } = await mirror(sql)
  const first = await refused(sql, 'update_event', { event, details: named('A') })
  const second = await refused(sql, 'update_event', { event, details: named('B') })
  await sql`update onsale.jobs set state = 'dead' where id = ${second}`
  expect((await retry(sql, first)).outcome).toBe('queued')
  await sql`update onsale.jobs set state = 'dead' where id = ${first}`
  const third = await queued(sql, 'update_event', { event, details: named('C') })
  await finish(sql, third, {}, '12:00:01')
  const fourth = await queued(sql, 'update_event', { event, details: named('D') })
  expect((await retry(sql, second)).body?.id).toBe(fourth)
})

check('one whose place was taken and whose successor was refused has changed nothing', async (sql) => {
  const { event } = await mirror(sql)
  const first = await refused(sql, 'update_event', { event, details: named('A') })
  await queued(sql, 'update_event', { event, details: named('B') })
  const third = await refused(sql, 'update_event', { event, details: named('C') })
  expect((await retry(sql, first)).outcome).toBe('queued')
  expect((await retry(sql, third)).outcome).toBe('queued')
})

check('changes of other fields, other tickets and other events stand beside each other', async (sql) => {
  const { event, ticket } = await mirror(sql, { variants: [11, 12] })
  const [other] = await sql<{ id: number }[]>`
    select id::integer from onsale.tickets where event_id = ${event} and id <> ${ticket}`
  const another = await mirror(sql, { id: 2, variants: [21] })
  const title = await refused(sql, 'update_event', { event, details: named('A') })
  const price = await refused(sql, 'update_ticket', { ticket, details: { changes: { price_cents: 1 } } })
  const capacity = await refused(sql, 'update_capacity', { ticket, details: { capacity: 120 } })
  const added = await refused(sql, 'create_ticket', { event, details: { ticket: { name: 'Door' } } })

  await queued(sql, 'update_event', { event, details: { changes: { subtitle: 'b' } } })
  await queued(sql, 'update_event', { event: another.event, details: named('B') })
  await queued(sql, 'update_ticket', { ticket: other!.id, details: { changes: { price_cents: 2 } } })
  await queued(sql, 'update_ticket', { ticket, details: { changes: { sku: 'GA' } } })
  await queued(sql, 'update_capacity', { ticket: other!.id, details: { capacity: 130 } })
  await queued(sql, 'create_ticket', { event, details: { ticket: { name: 'Balcony' } } })
  for (const id of [title, price, capacity, added]) expect((await retry(sql, id)).outcome).toBe('queued')
})

check('the price, the capacity and the status that came later stay', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const details = { changes: { price_cents: 1, sku: 'GA' } }
  const price = await refused(sql, 'update_ticket', { ticket, details })
  const capacity = await refused(sql, 'update_capacity', { ticket, details: { capacity: 120 } })
  const published = await refused(sql, 'publish_event', { event })
  const later = [
    await queued(sql, 'update_ticket', { ticket, details: { changes: { price_cents: 2 } } }),
    await queued(sql, 'update_capacity', { ticket, details: { capacity: 130 } }),
    await queued(sql, 'unpublish_event', { event }),
  ]
  for (const [nth, id] of [price, capacity, published].entries()) {
    const { outcome, body } = await retry(sql, id)
    expect([outcome, body?.id]).toEqual(['overtaken', later[nth]])
  }
})

check('an allotment that came later stays, but a move that stands half way is ended first', async (sql) => {
  const { ticket } = await mirrored(sql)
  const first = await queuedMove(sql, ticket, 4)
  const second = await queuedMove(sql, ticket, 6)
  const nowIs = (state: string) => sql`update onsale.jobs set state = ${state} where id = ${first}`
  await nowIs('dead')
  expect((await retry(sql, first)).body?.id).toBe(second)
  await nowIs('running')
  expect(await goOn(sql, first)).toMatchObject({ outcome: 'call' })
  await nowIs('dead')
  expect((await retry(sql, first)).outcome).toBe('queued')
})
