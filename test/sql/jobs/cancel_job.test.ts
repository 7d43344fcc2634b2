import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob, at, claim, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { mirror, queued, revisionOf } from '../../writes.ts'

const check = scratchTests()

async function discard(sql: TransactionSql, id: number) {
  const [row] = await sql<{ outcome: string; body: { state: string } | null }[]>`
    select r.outcome, r.body
    from api.cancel_job(p_id => ${id}::bigint, p_actor => 'user 7', p_now => ${at('12:30:00')}::text::timestamptz) r`
  return row!
}
const audit = async (sql: TransactionSql, id: number) => [
  ...(await sql`select actor, action, before, after from onsale.audit_log where subject = ${`job ${id}`}`),
]

for (const state of ['queued', 'waiting', 'dead']) {
  check(`a job that is ${state} is failed and not tried again, and says who discarded it`, async (sql) => {
    const id = await addJob(sql, { state })
    const { outcome, body } = await discard(sql, id)
    expect([outcome, body]).toMatchObject([
      'discarded',
      {
        id,
        state: 'failed',
        next_attempt_at: null,
        errors: [{ message: 'Discarded by user 7', field: null }],
      },
    ])
    expect(await audit(sql, id)).toEqual([
      { actor: 'user 7', action: 'job.discard', before: { state }, after: { state: 'failed' } },
    ])
    expect(await claim(sql, '23:59:59')).toEqual([])
    expect((await discard(sql, id)).outcome).toBe('unchanged')
  })
}

for (const [state, outcome] of [
  ['running', 'running'],
  ['done', 'unchanged'],
  ['failed', 'unchanged'],
] as const) {
  check(`a job that is ${state} stays as it is`, async (sql) => {
    const id = await addJob(sql, { state })
    const before = await jobOf(sql, id)
    const discarded = await discard(sql, id)
    expect([discarded.outcome, discarded.body]).toMatchObject([outcome, { id, state }])
    expect(await jobOf(sql, id)).toEqual(before)
    expect(await audit(sql, id)).toEqual([])
  })
}

check('what was behind it in its subject may begin', async (sql) => {
  const first = await addJob(sql, { subject: 'thing 1' })
  const second = await addJob(sql, { subject: 'thing 1' })
  await discard(sql, first)
  expect(await claim(sql, '12:30:00')).toEqual([[second, 1]])
})

check('a job that is not there is not found', async (sql) => {
  expect(await discard(sql, 999_999)).toEqual({ outcome: 'not_found', body: null })
})

check('a change of an event that is discarded is a revision of it, once', async (sql) => {
  const { event } = await mirror(sql)
  const id = await queued(sql, 'publish_event', { event })
  const before = await revisionOf(sql, event)
  await sql`select api.cancel_job(p_id => ${id}::bigint, p_actor => 'user 7')`
  await sql`select api.cancel_job(p_id => ${id}::bigint, p_actor => 'user 7')`
  expect(await revisionOf(sql, event)).toBe(before + 1)
})
