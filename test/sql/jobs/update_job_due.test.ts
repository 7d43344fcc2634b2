import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob, at, claim, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { mirror, pendingOf, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

async function retry(sql: TransactionSql, id: number) {
  const [row] = await sql<{ outcome: string; body: { state: string } | null }[]>`
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
