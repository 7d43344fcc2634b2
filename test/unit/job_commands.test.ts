import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { discardJob, listJobs, retryJob, showJob } from '../../src/jobs/commands.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { addJob, jobOf } from '../jobs.ts'

// `jobs list | show | retry | discard`, with the rights that they have in service.

const metrics = createMetrics()
const log = createLog({ level: 'silent' })

let database: TestDatabase
let printed: string[]
beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  printed = []
  await database.admin`truncate onsale.jobs, onsale.audit_log`
})
afterAll(() => database.drop())

const deps = () => ({ sql: database.service, log, metrics, print: (line: string) => printed.push(line) })
const add = (state: string) => addJob(database.admin, { state, subject: `a ${state} thing` })

test('list: nothing, those that were given up, those of a state, all', async () => {
  expect(await listJobs(deps(), { state: 'dead', limit: 10 })).toBe(0)
  expect(printed).toEqual(['No jobs'])
  const [waiting, dead] = [await add('waiting'), await add('dead')]
  await database.admin`
    update onsale.jobs set errors = '[{"message": "No answer", "field": null}, {"message": "Too dear", "field": "/price"}]'
    where id = ${dead}`
  for (const [state, lines] of [
    ['dead', [`${dead}  work  a dead thing  dead, 0 attempts  No answer; /price: Too dear`]],
    ['waiting', [`${waiting}  work  a waiting thing  waiting, 0 attempts, next 2026-11-01T12:00:00.000Z`]],
  ] as const) {
    printed = []
    await listJobs(deps(), { state, limit: 10 })
    expect(printed).toEqual([`2026-11-01T11:00:00.000Z  ${lines[0]}`, '1 of 1 jobs'])
  }
  printed = []
  await listJobs(deps(), { state: 'any', limit: 1 })
  expect(printed).toEqual([expect.stringContaining('a dead thing'), '1 of 2 jobs'])
  expect(listJobs(deps(), { state: 'asleep', limit: 1 })).rejects.toThrow('There is no state "asleep"')
})

test('show tells all of it, and of what is not there as much', async () => {
  const id = await add('dead')
  expect(await showJob(deps(), { id })).toBe(0)
  expect(JSON.parse(printed[0]!)).toMatchObject({ id, subject: 'a dead thing', state: 'dead' })
  expect(await showJob(deps(), { id: 999_999 })).toBe(1)
  expect(printed[1]).toBe('There is no job 999999')
})

test('retry and discard change what may be changed, say so, and leave a trace', async () => {
  const [dead, failed, running] = [await add('dead'), await add('failed'), await add('running')]
  const waiting = await add('waiting')
  expect(await retryJob(deps(), { id: dead })).toBe(0)
  expect(await retryJob(deps(), { id: running })).toBe(1)
  expect(await discardJob(deps(), { id: waiting })).toBe(0)
  expect(await discardJob(deps(), { id: failed })).toBe(1)
  expect(await discardJob(deps(), { id: running })).toBe(1)
  expect(await retryJob(deps(), { id: 999_999 })).toBe(1)
  expect(printed).toEqual([
    `Job ${dead} is tried again`,
    `Job ${running} is running, and stays so`,
    `Discarded job ${waiting}`,
    `Job ${failed} is failed, and stays so`,
    `Job ${running} is running: ask again when it has ended`,
    'There is no job 999999',
  ])
  const states = await Promise.all([dead, waiting].map((id) => jobOf(database.admin, id)))
  expect(states.map(({ state }) => state)).toEqual(['queued', 'failed'])
  const trail = await database.admin`select actor, action, subject from onsale.audit_log order by id`
  expect([...trail]).toEqual([
    { actor: 'command', action: 'job.retry', subject: `job ${dead}` },
    { actor: 'command', action: 'job.discard', subject: `job ${waiting}` },
  ])
})

test('retry of what a later job has overtaken names that one, and changes nothing', async () => {
  const ids: number[] = []
  for (const state of ['failed', 'done'])
    ids.push(await addJob(database.admin, { state, subject: 'event 1', eventId: 1, kind: 'publish_event' }))
  expect(await retryJob(deps(), { id: ids[0]! })).toBe(1)
  expect(printed).toEqual([
    `Job ${ids[0]} is not tried again: job ${ids[1]} (publish_event, done) came later and changes the same`,
  ])
  expect((await jobOf(database.admin, ids[0]!)).state).toBe('failed')
})
