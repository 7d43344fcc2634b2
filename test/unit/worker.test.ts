import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createJobCalls, type Job } from '../../src/jobs/calls.ts'
import { startJobTasks } from '../../src/jobs/tasks.ts'
import { type JobHandler, Refused, startWorker } from '../../src/jobs/worker.ts'
import {
  jobAttemptsMax,
  jobHeartbeatMs,
  jobRetryFactor,
  jobRetryS,
  jobStopMsMax,
  jobsAtOnceMax,
  jobsEveryMs,
  jobsExpireEveryMs,
  jobsStateEveryMs,
} from '../../src/limits.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { addJob, jobOf } from '../jobs.ts'

// The worker with the service's role on a real database; what it does for whom is the test's.

const lines: Record<string, unknown>[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  lines.length = 0
  await database.admin`truncate onsale.jobs`
})
afterAll(() => database.drop())

test('a job is done, and its result is kept', async () => {
  const id = await addJob(database.admin, { subject: 'thing 1' })
  const asked: Job[] = []
  await withWorker({ work: async (job) => ({ done: asked.push(job) }) }, () => isIn(id, 'done'))
  expect(asked).toEqual([
    {
      id,
      kind: 'work',
      subject: 'thing 1',
      request: { of: 'a test' },
      idempotencyKey: expect.any(String),
      attempt: 1,
    },
  ])
  expect(await jobOf(database.admin, id)).toMatchObject({ attempts: 1, result: { done: 1 }, errors: [] })
  expect(said('Job done')).toMatchObject([{ job_id: id, kind: 'work', attempt: 1, result: { done: 1 } }])
})

test('a job that fails twice waits longer each time, and is done at last under the same key', async () => {
  const id = await addJob(database.admin)
  const keys: string[] = []
  const attempt: JobHandler = async ({ idempotencyKey }) => {
    if (keys.push(idempotencyKey) < 3) throw new Error(`No answer ${keys.length}`)
    return { came: 'out' }
  }
  await withWorker({ work: attempt }, async () => {
    for (const nth of [1, 2]) {
      await isIn(id, 'waiting', nth)
      const { attempts, errors } = await jobOf(database.admin, id)
      expect([attempts, errors]).toEqual([nth, [{ message: `No answer ${nth}`, field: null }]])
      const delayS = await delayOf(id)
      const meantS = jobRetryS * jobRetryFactor ** (nth - 1)
      // The database's clock counts from when it was written, ours from when it failed.
      expect(delayS).toBeGreaterThan(meantS * 0.8 - 1)
      expect(delayS).toBeLessThan(meantS * 1.2)
      await database.admin`update onsale.jobs set next_attempt_at = now() where id = ${id}`
    }
    await isIn(id, 'done')
  })
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
  expect(await jobOf(database.admin, id)).toMatchObject({ attempts: 3, result: { came: 'out' }, errors: [] })
})

test('what is refused for good is failed at once, and not tried again', async () => {
  const id = await addJob(database.admin)
  let attempts = 0
  const refuse: JobHandler = async () => {
    attempts++
    throw new Refused('There is no such payment')
  }
  await withWorker({ work: refuse }, async () => {
    await isIn(id, 'failed')
    // Another job that is done meanwhile shows that the worker has looked again.
    const next = await addJob(database.admin, { kind: 'other' })
    await isIn(next, 'done')
  })
  expect(attempts).toBe(1)
  expect(await jobOf(database.admin, id)).toMatchObject({
    attempts: 1,
    errors: [{ message: 'There is no such payment', field: null }],
  })
  expect(said('Job given up')).toMatchObject([{ job_id: id, reason: 'There is no such payment' }])
})

test('what an admin has to change is kept one by one', async () => {
  const id = await addJob(database.admin)
  const faults = [
    { message: 'Price must be a number', field: '/tickets/0/price_cents' },
    { message: "Title can't be blank", field: null },
  ]
  const refuse: JobHandler = async () => {
    throw new Refused('Shopify refuses it', { faults })
  }
  await withWorker({ work: refuse }, () => isIn(id, 'failed'))
  expect((await jobOf(database.admin, id)).errors).toEqual(faults)
})

test('what the far side asks for is the least that is waited', async () => {
  const [patient, hasty] = [await addJob(database.admin), await addJob(database.admin, { kind: 'hasty' })]
  const failing = (retryAfterMs: number | null): JobHandler => {
    return async () => {
      throw Object.assign(new Error('Not now'), { retryAfterMs })
    }
  }
  await withWorker({ work: failing(90_000), hasty: failing(1) }, async () => {
    await isIn(patient, 'waiting')
    await isIn(hasty, 'waiting')
  })
  expect(await delayOf(patient)).toBeWithin(89, 91)
  expect(await delayOf(hasty)).toBeGreaterThan(jobRetryS * 0.8 - 1)
})

test('a far side that is away for an hour leaves a job with attempts', async () => {
  const id = await addJob(database.admin)
  let waitedS = 0
  const away: JobHandler = async () => {
    throw Object.assign(new Error('Shopify is away'), { retryAfterMs: 10_000 })
  }
  await withWorker({ work: away }, async () => {
    for (let nth = 1; waitedS < 3_600; nth++) {
      await isIn(id, 'waiting', nth)
      waitedS += await delayOf(id)
      await database.admin`update onsale.jobs set next_attempt_at = now() where id = ${id}`
    }
  })
  expect((await jobOf(database.admin, id)).attempts).toBeLessThan(jobAttemptsMax - 2)
})

test('a job that hangs keeps no other one waiting', async () => {
  await addJob(database.admin)
  const held = Promise.withResolvers<void>()
  await withWorker({ work: () => held.promise.then(() => ({})) }, async () => {
    for (let nth = 0; nth < 3; nth++) await isIn(await addJob(database.admin, { kind: 'other' }), 'done')
    held.resolve()
  })
})

test('a job that takes longer than its lease stays with its worker', async () => {
  const id = await addJob(database.admin)
  const held = Promise.withResolvers<void>()
  await withWorker(
    { work: () => held.promise.then(() => ({})) },
    async () => {
      await isIn(id, 'running')
      await database.admin`update onsale.jobs set next_attempt_at = now() + interval '1 second' where id = ${id}`
      await until(
        async () => (await jobOf(database.admin, id)).next_attempt_at.getTime() > Date.now() + 10_000,
      )
      held.resolve()
      await isIn(id, 'done')
    },
    { quickHeartbeat: true },
  )
  expect((await jobOf(database.admin, id)).attempts).toBe(1)
})

test('who has lost a job is told at once, and changes nothing any more', async () => {
  const id = await addJob(database.admin)
  const handler: JobHandler = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('Stopped'))))
  await withWorker(
    { work: handler },
    async () => {
      await isIn(id, 'running')
      const leased = { state: 'running', attempts: 2, errors: [] }
      await database.admin`
        update onsale.jobs set attempts = 2, next_attempt_at = now() + interval '1 minute' where id = ${id}`
      await until(() => said('Job was taken by another worker').length === 1)
      expect(await jobOf(database.admin, id)).toMatchObject(leased)
    },
    { quickHeartbeat: true },
  )
})

test('an attempt that hangs is given up in its time, and does not keep the next job waiting', async () => {
  const id = await addJob(database.admin)
  await withWorker(
    { work: () => new Promise(() => {}) },
    async () => {
      await isIn(id, 'waiting')
      const next = await addJob(database.admin, { kind: 'other' })
      await isIn(next, 'done')
    },
    { attemptMsMax: 50 },
  )
  expect((await jobOf(database.admin, id)).errors[0]?.message).toContain('50ms')
})

test('a job whose last attempt fails is dead', async () => {
  const id = await addJob(database.admin, { state: 'waiting' })
  await database.admin`update onsale.jobs set attempts = ${jobAttemptsMax - 2} where id = ${id}`
  const attempts: number[] = []
  const failing: JobHandler = async ({ attempt }) => {
    attempts.push(attempt)
    throw new Error('No answer')
  }
  await withWorker({ work: failing }, async () => {
    await isIn(id, 'waiting', jobAttemptsMax - 1)
    await database.admin`update onsale.jobs set next_attempt_at = now() where id = ${id}`
    await isIn(id, 'dead')
  })
  expect(attempts).toEqual([jobAttemptsMax - 1, jobAttemptsMax])
  expect(await jobOf(database.admin, id)).toMatchObject({ attempts: jobAttemptsMax })
})

test('what a worker did not end is done by another; the end of the first then changes nothing and is told', async () => {
  const id = await addJob(database.admin)
  const held = Promise.withResolvers<void>()
  const taken = Promise.withResolvers<void>()
  const done: number[] = []
  const handlers = {
    work: async ({ attempt }: Job) => {
      if (attempt === 1) {
        taken.resolve()
        await held.promise
      }
      done.push(attempt)
      return { by: attempt }
    },
  }
  await withWorker(handlers, async () => {
    await taken.promise
    await database.admin`update onsale.jobs set next_attempt_at = now() where id = ${id}`
    // The first one waits for its handler: it is the second that takes the job.
    await withWorker(handlers, () => isIn(id, 'done'))
    const before = await jobOf(database.admin, id)
    expect(before).toMatchObject({ attempts: 2, result: { by: 2 } })
    held.resolve()
    await until(() => done.length === 2)
    await until(() => said('Job was taken by another worker').length === 1)
    expect(await jobOf(database.admin, id)).toEqual(before)
  })
  expect(done).toEqual([2, 1])
  expect(said('Job done')).toMatchObject([{ attempt: 2 }])
  expect(said('Job was taken by another worker')).toMatchObject([{ job_id: id, attempt: 1 }])
})

test('a job whose worker never comes back is dead, and the one behind it is done', async () => {
  const subject = 'thing 1'
  const lost = await addJob(database.admin, { subject, state: 'running', attempts: jobAttemptsMax })
  const behind = await addJob(database.admin, { subject })
  const asked: number[] = []
  const handler: JobHandler = async ({ id }) => ({ nth: asked.push(id) })
  await withWorker({ work: handler }, async () => {
    // Another job that is done meanwhile shows that the worker has looked.
    await isIn(await addJob(database.admin, { kind: 'other' }), 'done')
    expect((await jobOf(database.admin, lost)).state).toBe('running')
    const tasks = startJobTasks(deps())
    await isIn(behind, 'done')
    await tasks.stop()
  })
  expect(asked).toEqual([behind])
  expect(await jobOf(database.admin, lost)).toMatchObject({
    state: 'dead',
    attempts: jobAttemptsMax,
    errors: [{ message: 'Its worker did not come back', field: null }],
  })
  expect(said('Job given up')).toMatchObject([{ job_id: lost, attempt: jobAttemptsMax }])
})

test('a worker that stops ends what it has begun, and begins nothing more', async () => {
  const ids: number[] = []
  for (let nth = 0; nth < jobsAtOnceMax + 1; nth++) ids.push(await addJob(database.admin))
  const held = Promise.withResolvers<void>()
  let begun = 0
  const worker = await quick(async () => {
    const worker = startWorker({ ...deps(), handlers: { work: async () => ({ nth: await hold() }) } })
    await until(() => begun === jobsAtOnceMax)
    return worker
  })
  const stopped = worker.stop()
  held.resolve()
  await stopped
  const states = await database.admin`select state, count(*)::integer from onsale.jobs group by 1 order by 1`
  expect([...states]).toEqual([
    { state: 'queued', count: 1 },
    { state: 'done', count: jobsAtOnceMax },
  ])

  async function hold(): Promise<number> {
    begun++
    await held.promise
    return begun
  }
})

test('what does not end while a worker stops is given up, and comes back', async () => {
  const id = await addJob(database.admin)
  const told: boolean[] = []
  const hanging: JobHandler = (_, { signal }) =>
    new Promise(() => signal.addEventListener('abort', () => told.push(true)))
  await quick(
    async () => {
      const worker = startWorker({ ...deps(), handlers: { work: hanging } })
      await isIn(id, 'running')
      await worker.stop()
    },
    { heartbeat: true },
  )
  expect(told).toEqual([true])
  const { state, errors } = await jobOf(database.admin, id)
  expect([state, errors[0]?.message]).toEqual(['waiting', 'The worker was cut off or stopped'])
})

test('two workers side by side do each job once, and those of one subject in their order', async () => {
  const subjects = [1, 2, 3, 4]
  const ids: number[] = []
  for (let nth = 0; nth < 40; nth++) {
    ids.push(await addJob(database.admin, { subject: `thing ${subjects[nth % subjects.length]}` }))
  }
  const done: [worker: number, id: number, subject: string][] = []
  const busy = new Set<string>()
  let together = 0
  const handlersOf = (worker: number) => ({
    work: async ({ id, subject }: Job) => {
      if (busy.has(subject)) together++
      busy.add(subject)
      // Long enough for the other one to look.
      await database.admin`select pg_sleep(0.01)`
      busy.delete(subject)
      done.push([worker, id, subject])
      return {}
    },
  })
  await quick(async () => {
    const workers = [1, 2].map((nth) => startWorker({ ...deps(), handlers: handlersOf(nth) }))
    await until(() => done.length >= ids.length)
    await Promise.all(workers.map((worker) => worker.stop()))
  })
  expect(done.map(([, id]) => id).sort((a, b) => a - b)).toEqual(ids)
  expect(together).toBe(0)
  for (const subject of subjects) {
    const order = done.filter(([, , one]) => one === `thing ${subject}`).map(([, id]) => id)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  }
  const open = await database.admin`select from onsale.jobs where state <> 'done' or attempts <> 1`
  expect(open).toHaveLength(0)
})

test('a kind that nobody here does stays for a worker that does', async () => {
  const [foreign, own] = [await addJob(database.admin, { kind: 'foreign' }), await addJob(database.admin)]
  await withWorker({ work: async () => ({}) }, () => isIn(own, 'done'))
  expect(await jobOf(database.admin, foreign)).toMatchObject({ state: 'queued', attempts: 0 })
})

test('what PostgreSQL cannot store is kept without', async () => {
  const id = await addJob(database.admin)
  const refuse: JobHandler = async () => {
    throw new Refused(`No \0 ${'x'.repeat(494)}💶`)
  }
  await withWorker({ work: refuse }, () => isIn(id, 'failed'))
  const { errors } = await jobOf(database.admin, id)
  expect(errors).toEqual([{ message: `No   ${'x'.repeat(494)}\ufffd`, field: null }])
})

test('one whose end cannot be written comes up again when its lease is over, and stops no other', async () => {
  const [first, second] = [await addJob(database.admin), await addJob(database.admin)]
  await database.admin.unsafe(
    `alter table onsale.jobs add constraint no_end check (id <> ${first} or state = 'running' or attempts = 0)`,
  )
  const stopped = Promise.withResolvers<void>()
  const handler: JobHandler = async ({ id, attempt }) => {
    // Ends after the first could not.
    if (id === second) await stopped.promise
    return { attempt }
  }
  await withWorker({ work: handler }, async () => {
    await until(() => said('Could not end a job').length === 1)
    stopped.resolve()
    await isIn(second, 'done')
    expect(await jobOf(database.admin, first)).toMatchObject({ state: 'running', attempts: 1 })
    await database.admin`alter table onsale.jobs drop constraint no_end`
    await database.admin`update onsale.jobs set next_attempt_at = now() where id = ${first}`
    await isIn(first, 'done')
  })
  expect(await jobOf(database.admin, first)).toMatchObject({ attempts: 2, result: { attempt: 2 } })
})

test('the jobs are counted by kind and state, and a state that is gone is not shown any more', async () => {
  await addJob(database.admin, { state: 'dead', kind: 'foreign' })
  const id = await addJob(database.admin, { state: 'dead' })
  const metrics = createMetrics()
  const shown = () => metrics.registry.metrics()
  await quick(async () => {
    const counting = startJobTasks({ ...deps(), metrics })
    await until(async () => /^jobs\{kind="work",state="dead"\} 1$/m.test(await shown()))
    expect(await shown()).toMatch(/^jobs\{kind="foreign",state="dead"\} 1$/m)
    await createJobCalls(database.service, metrics).updateJobDue(id, 'user 7')
    await until(async () => !(await shown()).includes('kind="work",state="dead"'))
    expect(await shown()).toMatch(/^jobs\{kind="foreign",state="dead"\} 1$/m)
    await counting.stop()
  })
})

const deps = () => ({ sql: database.service, log, metrics: createMetrics() })
const said = (msg: string) => lines.filter((line) => line.msg === msg)

/** Runs a worker while the work is under way; kind `other` is done at once. */
async function withWorker(
  handlers: Record<string, JobHandler>,
  work: () => Promise<unknown>,
  { quickHeartbeat = false, ...options }: { attemptMsMax?: number; quickHeartbeat?: boolean } = {},
): Promise<void> {
  await quick(
    async () => {
      const worker = startWorker({
        ...deps(),
        ...options,
        handlers: { other: async () => ({}), ...handlers },
      })
      try {
        await work()
      } finally {
        await worker.stop()
      }
    },
    { heartbeat: quickHeartbeat },
  )
}

/** Waits until a job has come to a state, at that attempt where it is told. */
async function isIn(id: number, state: string, attempt?: number): Promise<void> {
  await until(async () => {
    const job = await jobOf(database.admin, id)
    return job.state === state && (attempt === undefined || job.attempts === attempt)
  })
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(5)) {
    if (await isSo()) return
  }
  throw new Error('It did not come to that')
}

/** Seconds from the end of the last attempt to the next one. */
async function delayOf(id: number): Promise<number> {
  const { next_attempt_at, updated_at } = await jobOf(database.admin, id)
  return (next_attempt_at.getTime() - updated_at.getTime()) / 1000
}

/** The worker's pauses take a ten-thousandth meanwhile; no other timer is as long. */
async function quick<T>(work: () => Promise<T>, { heartbeat = false } = {}): Promise<T> {
  const { setTimeout } = globalThis
  const pauses = [
    jobsEveryMs,
    jobsStateEveryMs,
    jobsExpireEveryMs,
    ...(heartbeat ? [jobHeartbeatMs, jobStopMsMax] : []),
  ]
  const isPause = (ms: number) => pauses.some((pause) => ms >= pause * 0.8 && ms <= pause * 1.2)
  globalThis.setTimeout = ((callback: () => void, ms = 0) =>
    setTimeout(callback, isPause(ms) ? ms / 10_000 : ms)) as typeof globalThis.setTimeout
  try {
    return await work()
  } finally {
    globalThis.setTimeout = setTimeout
  }
}
