import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addJob, claim, complete, fail } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function cards(sql: TransactionSql, ids: number[]) {
  const rows = await sql<{ id: number; card: Record<string, unknown> }[]>`
    select c.id::integer, c.card from api.list_job_cards(${`{${ids}}`}::text::bigint[]) c order by c.id`
  return rows.map(({ card }) => card)
}

check('a job is shown whole, but for what it asks the far side', async (sql) => {
  const id = await addJob(sql, { subject: 'thing 1' })
  const [card] = await cards(sql, [id])
  expect(card).toEqual({
    id,
    kind: 'work',
    subject: 'thing 1',
    event_id: null,
    ticket_id: null,
    state: 'queued',
    attempts: 0,
    next_attempt_at: '2026-11-01T12:00:00.000Z',
    created_by: 'test',
    created_at: '2026-11-01T11:00:00.000Z',
    updated_at: '2026-11-01T11:00:00.000Z',
    confirmed_at: null,
    superseded_by: null,
    result: null,
    errors: [],
  })
})

check('a next attempt is shown of what waits for one, and a result of what is done', async (sql) => {
  const [done, waiting, dead, running] = [
    await addJob(sql),
    await addJob(sql),
    await addJob(sql),
    await addJob(sql),
  ]
  await claim(sql, '12:00:00')
  await complete(sql, done, 1)
  await fail(sql, waiting, 1, { retry: '12:03:00' })
  await fail(sql, dead, 1, { state: 'dead' })
  const errors = [{ message: 'Went wrong', field: null }]
  expect(await cards(sql, [done, waiting, dead, running])).toMatchObject([
    { state: 'done', next_attempt_at: null, result: { came: 'out' }, errors: [] },
    { state: 'waiting', next_attempt_at: '2026-11-01T12:03:00.000Z', result: null, errors },
    { state: 'dead', next_attempt_at: null, result: null, errors },
    { state: 'running', next_attempt_at: null, result: null, errors: [] },
  ])
})

check('what is not there has no card', async (sql) => {
  const id = await addJob(sql)
  expect(await cards(sql, [999_999, id])).toMatchObject([{ id }])
  expect(await cards(sql, [])).toEqual([])
})
