import { expect } from 'bun:test'
import { addJob, at, claim, complete, fail, jobOf } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check(
  'what is due is handed out with all it takes to do it, and is running until its lease ends',
  async (sql) => {
    const id = await addJob(sql, { subject: 'thing 1' })
    const rows =
      await sql`select * from api.claim_jobs('{work}', 10, '60 seconds', ${at('12:00:00')}::text::timestamptz)`
    expect([...rows]).toEqual([
      {
        id: String(id),
        kind: 'work',
        subject: 'thing 1',
        request: { of: 'a test' },
        idempotency_key: expect.stringMatching(/^[0-9a-f-]{36}$/),
        attempts: 1,
      },
    ])
    expect(await jobOf(sql, id)).toMatchObject({
      state: 'running',
      attempts: 1,
      next_attempt_at: new Date(at('12:01:00')),
      updated_at: new Date(at('12:00:00')),
    })
  },
)

check('what is not due is not handed out, and the longest due comes first', async (sql) => {
  const second = await addJob(sql, { due: at('12:00:02') })
  const first = await addJob(sql, { due: at('12:00:01') })
  const third = await addJob(sql, { due: at('12:00:05'), state: 'waiting' })
  expect(await claim(sql, '12:00:00')).toEqual([])
  expect(await claim(sql, '12:00:03', { limit: 1 })).toEqual([[first, 1]])
  expect(await claim(sql, '12:00:03')).toEqual([[second, 1]])
  expect(await claim(sql, '12:00:05')).toEqual([[third, 1]])
})

check('what has ended is not handed out', async (sql) => {
  for (const state of ['done', 'failed', 'dead']) await addJob(sql, { state })
  expect(await claim(sql, '23:59:59')).toEqual([])
})

check('only kinds that the worker knows are handed out', async (sql) => {
  const [one, other] = [await addJob(sql, { kind: 'one' }), await addJob(sql, { kind: 'other' })]
  expect(await claim(sql, '12:00:00', { kinds: [] })).toEqual([])
  expect(await claim(sql, '12:00:00', { kinds: ['one', 'third'] })).toEqual([[one, 1]])
  expect(await claim(sql, '12:00:00', { kinds: ['one', 'other'] })).toEqual([[other, 1]])
})

check('no more than asked for are handed out', async (sql) => {
  const ids: number[] = []
  for (let nth = 0; nth < 5; nth++) ids.push(await addJob(sql))
  const first = await claim(sql, '12:00:00', { limit: 3 })
  const second = await claim(sql, '12:00:00', { limit: 3 })
  expect([first.length, second.length]).toEqual([3, 2])
  expect([...first, ...second].map(([id]) => id).sort((a, b) => a - b)).toEqual(ids)
})

check('what a worker did not end comes up again when its lease is over, under the same key', async (sql) => {
  const id = await addJob(sql)
  const key = async () => (await sql`select idempotency_key from onsale.jobs where id = ${id}`)[0]
  const before = await key()
  expect(await claim(sql, '12:00:00', { lease: '10 seconds' })).toEqual([[id, 1]])
  expect(await claim(sql, '12:00:09.9')).toEqual([])
  expect(await claim(sql, '12:00:10')).toEqual([[id, 2]])
  expect(await key()).toEqual(before)
})

check('jobs of one subject are handed out one after the other, whatever their kinds', async (sql) => {
  const first = await addJob(sql, { subject: 'thing 1', kind: 'one' })
  const second = await addJob(sql, { subject: 'thing 1', kind: 'other' })
  const another = await addJob(sql, { subject: 'thing 2', kind: 'one' })
  const kinds = ['one', 'other']
  expect(await claim(sql, '12:00:00', { kinds: ['other'] })).toEqual([])
  expect(await claim(sql, '12:00:00', { kinds })).toEqual([
    [first, 1],
    [another, 1],
  ])
  expect(await claim(sql, '12:00:01', { kinds })).toEqual([])
  await complete(sql, first, 1)
  expect(await claim(sql, '12:00:02', { kinds })).toEqual([[second, 1]])
})

check(
  'a job that waits for its next attempt holds back what is behind it, one that is given up does not',
  async (sql) => {
    const first = await addJob(sql, { subject: 'thing 1' })
    const second = await addJob(sql, { subject: 'thing 1' })
    await claim(sql, '12:00:00')
    await fail(sql, first, 1, { retry: '12:05:00' })
    expect(await claim(sql, '12:04:59')).toEqual([])
    expect(await claim(sql, '12:05:00')).toEqual([[first, 2]])
    await fail(sql, first, 2, { state: 'dead' })
    expect(await claim(sql, '12:05:00')).toEqual([[second, 1]])
  },
)

check('a job that is brought back waits for the later one of its subject that is running', async (sql) => {
  const first = await addJob(sql, { subject: 'thing 1', state: 'dead' })
  const second = await addJob(sql, { subject: 'thing 1' })
  expect(await claim(sql, '12:00:00')).toEqual([[second, 1]])
  await sql`select from api.update_job_due(${first}::bigint, 'a person', ${at('12:00:01')}::text::timestamptz)`
  expect(await claim(sql, '12:00:02')).toEqual([])
  // Its worker is gone: the first one is first again.
  expect(await claim(sql, '12:01:00')).toEqual([[first, 1]])
  expect(await claim(sql, '12:01:01')).toEqual([])
  await complete(sql, first, 1)
  expect(await claim(sql, '12:01:02')).toEqual([[second, 2]])
})

check('what was not ended at its last attempt is not handed out, nor what is behind it', async (sql) => {
  const due = at('12:00:00')
  const lost = await addJob(sql, { subject: 'thing 1', state: 'running', attempts: 3, due })
  const behind = await addJob(sql, { subject: 'thing 1' })
  const retried = await addJob(sql, { attempts: 3 })
  const young = await addJob(sql, { state: 'running', attempts: 2, due })
  expect(await claim(sql, '12:00:00', { attemptsMax: 3 })).toEqual([
    [retried, 4],
    [young, 3],
  ])
  await sql`select from api.expire_jobs(3, ${at('12:00:00')}::text::timestamptz)`
  expect(await claim(sql, '12:00:00', { attemptsMax: 3 })).toEqual([[behind, 1]])
  expect((await jobOf(sql, lost)).state).toBe('dead')
})
