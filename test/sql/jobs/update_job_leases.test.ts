import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { textArray } from '../../../src/platform/database.ts'
import { addJob, at, claim, complete, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

/** Ids of those that are still held, in their order. */
async function extend(
  sql: TransactionSql,
  held: readonly (readonly [id: number, attempt: number])[],
  time: string,
): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select l.id::integer
    from api.update_job_leases(
      p_ids => ${textArray(held.map(([id]) => String(id)))}::text[]::bigint[],
      p_attempts => ${textArray(held.map(([, attempt]) => String(attempt)))}::text[]::integer[],
      p_lease => '10 seconds', p_now => ${at(time)}::text::timestamptz
    ) l order by 1`
  return rows.map(({ id }) => id)
}

check('a job that is held stays with its worker for another lease', async (sql) => {
  const [first, second] = [await addJob(sql), await addJob(sql)]
  await claim(sql, '12:00:00', { lease: '10 seconds' })
  expect(
    await extend(
      sql,
      [
        [second, 1],
        [first, 1],
      ],
      '12:00:08',
    ),
  ).toEqual([first, second])
  expect(await claim(sql, '12:00:17')).toEqual([])
  expect(await jobOf(sql, first)).toMatchObject({ state: 'running', attempts: 1 })
  expect(await claim(sql, '12:00:18')).toEqual([
    [first, 2],
    [second, 2],
  ])
})

check('one that ran out is held again while nobody else has taken it, and no longer', async (sql) => {
  const id = await addJob(sql)
  await claim(sql, '12:00:00', { lease: '10 seconds' })
  expect(await extend(sql, [[id, 1]], '12:00:20')).toEqual([id])
  expect(await claim(sql, '12:00:30')).toEqual([[id, 2]])
  const before = await jobOf(sql, id)
  expect(await extend(sql, [[id, 1]], '12:00:31')).toEqual([])
  expect(await jobOf(sql, id)).toEqual(before)
})

check('what has ended is held by nobody, and stays as it is', async (sql) => {
  const [done, waiting] = [await addJob(sql), await addJob(sql)]
  await claim(sql, '12:00:00')
  await complete(sql, done, 1)
  await fail(sql, waiting, 1, { retry: '12:00:30' })
  const before = [await jobOf(sql, done), await jobOf(sql, waiting)]
  const held = [[done, 1] as const, [waiting, 1] as const, [999_999, 1] as const]
  expect(await extend(sql, held, '12:00:02')).toEqual([])
  expect([await jobOf(sql, done), await jobOf(sql, waiting)]).toEqual(before)
})

check('no job held is no work', async (sql) => {
  expect(await extend(sql, [], '12:00:00')).toEqual([])
})
