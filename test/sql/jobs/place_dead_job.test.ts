import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { at, claim, complete, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const keep = (sql: TransactionSql, message: string, { subject = 'payment 1', time = '12:00:00' } = {}) => sql`
  select from api.place_dead_job(
    p_kind => 'start_payment', p_subject => ${subject}::text, p_request => '{"charge": 1}',
    p_errors => ${JSON.stringify([{ message, field: null }])}::text::jsonb, p_created_by => 'payment',
    p_now => ${at(time)}::text::timestamptz
  )`
const kept = async (sql: TransactionSql) =>
  (await sql<{ id: number }[]>`select id::integer from onsale.jobs order by id`).map(({ id }) => id)

check('a call that failed while somebody waited is kept as dead, with the reason', async (sql) => {
  await keep(sql, 'No answer')
  const [id = 0] = await kept(sql)
  expect(await jobOf(sql, id)).toMatchObject({
    kind: 'start_payment',
    subject: 'payment 1',
    request: { charge: 1 },
    state: 'dead',
    attempts: 1,
    errors: [{ message: 'No answer', field: null }],
    created_by: 'payment',
    created_at: new Date(at('12:00:00')),
  })
  expect(await claim(sql, '23:59:59', { kinds: ['start_payment'] })).toEqual([])
})

check('the same one again counts one more attempt and tells the newest reason', async (sql) => {
  await keep(sql, 'No answer')
  await keep(sql, 'Refused', { time: '12:00:05' })
  await keep(sql, 'Of another', { subject: 'payment 2' })
  const ids = await kept(sql)
  expect(ids).toHaveLength(2)
  expect(await jobOf(sql, ids[0] ?? 0)).toMatchObject({
    state: 'dead',
    attempts: 2,
    errors: [{ message: 'Refused' }],
    created_at: new Date(at('12:00:00')),
    updated_at: new Date(at('12:00:05')),
  })
})

check(
  'one that an admin has tried again meanwhile is dead again, and the end of that attempt does not count',
  async (sql) => {
    await keep(sql, 'No answer')
    const [id = 0] = await kept(sql)
    await sql`select from api.update_job_due(${id}::bigint, 'user 7', ${at('12:01:00')}::text::timestamptz)`
    expect(await claim(sql, '12:01:00', { kinds: ['start_payment'] })).toEqual([[id, 2]])
    await keep(sql, 'No answer', { time: '12:01:01' })
    expect(await complete(sql, id, 2, '12:01:02')).toBe(false)
    expect(await jobOf(sql, id)).toMatchObject({ state: 'dead', attempts: 3 })
  },
)
