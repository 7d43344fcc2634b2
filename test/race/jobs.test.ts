import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createJobCalls } from '../../src/jobs/calls.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { apply, delivery, product, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addJob, claim, complete, jobOf, refundsOf } from '../jobs.ts'
import { ordered, results, start } from '../payments.ts'
import { change } from '../sales.ts'
import {
  begin,
  confirm,
  finish,
  type Mirrored,
  mirror,
  pendingOf,
  queued,
  write,
  writeJob,
} from '../writes.ts'
import { blockersOf, withSessions } from './sessions.ts'

// Jobs on real connections: who gets them, and who owes them, when several ask at once.

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ connections: 16 })
})
beforeEach(async () => {
  await database.admin`truncate onsale.jobs`
})
afterAll(async () => {
  await expectVerified(database.admin)
  await database.drop()
})

test('eight claim at once, again and again: each job goes to one of them, one of a subject at a time', async () => {
  const { admin, service } = database
  const jobs = createJobCalls(service, createMetrics())
  const ids: number[] = []
  for (let nth = 0; nth < 120; nth++) ids.push(await addJob(admin, { subject: `thing ${nth % 12}` }))
  const done: [id: number, subject: string][] = []
  const open = new Set<string>()
  let together = 0
  const worker = async () => {
    while (done.length < ids.length) {
      const claimed = await jobs.claimJobs({ kinds: ['work'], limit: 5, leaseS: 60, attemptsMax: 10 })
      for (const { subject } of claimed) {
        if (open.has(subject)) together++
        open.add(subject)
      }
      for (const job of claimed) {
        done.push([job.id, job.subject])
        open.delete(job.subject)
        expect(await jobs.completeJob(job, {})).toBe(true)
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  expect(done.map(([id]) => id).sort((a, b) => a - b)).toEqual(ids)
  expect(together).toBe(0)
  for (const [, of] of Map.groupBy(done, ([, subject]) => subject)) {
    const order = of.map(([id]) => id)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  }
})

test('a claim under way is passed by, not waited for, and its subject is left alone', async () => {
  const { admin } = database
  const first = await addJob(admin, { subject: 'thing 1' })
  const behind = await addJob(admin, { subject: 'thing 1' })
  const other = await addJob(admin, { subject: 'thing 2' })
  await withSessions(database, 2, async (one, another) => {
    await one.sql`begin`
    expect(await claim(one.sql, '12:00:00', { limit: 1 })).toEqual([[first, 1]])
    expect(await claim(another.sql, '12:00:00')).toEqual([[other, 1]])
    await one.sql`commit`
    expect(await claim(another.sql, '12:00:00')).toEqual([])
  })
  await complete(admin, first, 1)
  expect(await claim(admin, '12:00:01')).toEqual([[behind, 1]])
})

test('a job that is taken over and one that is ended late at once: one of both counts', async () => {
  const { admin } = database
  for (const isEndFirst of [true, false]) {
    const id = await addJob(admin)
    await claim(admin, '12:00:00', { lease: '10 seconds' })
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      if (isEndFirst) {
        expect(await complete(first.sql, id, 1, '12:00:10')).toBe(true)
        expect(await claim(second.sql, '12:00:10')).toEqual([])
        await first.sql`commit`
        expect(await claim(second.sql, '12:00:10')).toEqual([])
        expect(await jobOf(admin, id)).toMatchObject({ state: 'done', attempts: 1 })
      } else {
        expect(await claim(first.sql, '12:00:10')).toEqual([[id, 2]])
        const late = complete(second.sql, id, 1, '12:00:10')
        expect(await blockersOf(database, second)).toEqual([first.pid])
        await first.sql`commit`
        expect(await late).toBe(false)
        expect(await jobOf(admin, id)).toMatchObject({ state: 'running', attempts: 2 })
      }
    })
  }
})

test('a discard and a claim at once: it is discarded, or it runs', async () => {
  const { admin, service } = database
  const jobs = createJobCalls(service, createMetrics())
  for (let round = 0; round < 20; round++) {
    const id = await addJob(admin)
    const [{ outcome }, claimed] = await Promise.all([
      jobs.cancelJob(id, 'user 7'),
      jobs.claimJobs({ kinds: ['work'], limit: 1, leaseS: 60, attemptsMax: 10 }),
    ])
    const { state, attempts } = await jobOf(admin, id)
    expect([`${outcome} ${claimed.length}`, state, attempts]).toEqual(
      claimed.length === 1 ? ['running 1', 'running', 1] : ['discarded 0', 'failed', 0],
    )
  }
})

test('a write and the claim of the one before it at once: that one is begun, or superseded', async () => {
  const { admin, service } = database
  const jobs = createJobCalls(service, createMetrics())
  const { event } = await mirror(admin)
  const outcomes = new Set<string>()
  for (let round = 0; round < 30; round++) {
    await admin`truncate onsale.jobs`
    const first = await queued(admin, 'update_event', { event, details: { changes: { title: 'A' } } })
    const [claimed, { job }] = await Promise.all([
      jobs.claimJobs({ kinds: ['update_event'], limit: 1, leaseS: 60, attemptsMax: 10 }),
      write(admin, 'update_event', { event, details: { changes: { subtitle: 'b' } } }),
    ])
    const [one, other] = [await writeJob(admin, first), await writeJob(admin, job!)]
    const isBegun = claimed.some(({ id }) => id === first)
    outcomes.add(
      `${isBegun} ${one.state} ${one.superseded_by === job} ${JSON.stringify(other.request.changes)}`,
    )
  }
  const begun = 'true running false {"subtitle":"b"}'
  const superseded = 'false done true {"title":"A","subtitle":"b"}'
  expect([...outcomes].filter((outcome) => outcome !== begun && outcome !== superseded)).toEqual([])
})

test('a claim under way that a write meets is waited for, and stays begun', async () => {
  const { admin } = database
  const { event } = await mirror(admin)
  const first = await queued(admin, 'publish_event', { event })
  await withSessions(database, 2, async (worker, admins) => {
    await worker.sql`begin`
    await begin(worker.sql, first)
    const second = write(admins.sql, 'publish_event', { event })
    expect(await blockersOf(database, admins)).toEqual([worker.pid])
    await worker.sql`commit`
    expect((await second).outcome).toBe('queued')
  })
  expect(await writeJob(admin, first)).toMatchObject({ state: 'running', superseded_by: null })
  expect(await pendingOf(admin, event)).toEqual([
    ['publish_event', 'running'],
    ['publish_event', 'queued'],
  ])
})

test('confirmations side by side confirm each job once', async () => {
  const { admin } = database
  const { event } = await mirror(admin)
  for (const kind of ['publish_event', 'unpublish_event', 'update_event']) {
    const details = { changes: {} }
    await finish(admin, await queued(admin, kind, { event, details }), { shopify_updated_at: null })
  }
  const confirmed = await Promise.all(Array.from({ length: 8 }, () => confirm(admin)))
  expect(confirmed.flat().length).toBe(3)
  expect(new Set(confirmed.flat()).size).toBe(3)
})

test('admins, workers, webhooks and confirmations about the same events do not lock each other out', async () => {
  const { admin, service } = database
  const jobs = createJobCalls(service, createMetrics())
  const events: Mirrored[] = []
  for (const id of [1, 2, 3]) events.push(await mirror(admin, { id, variants: [id * 10 + 1, id * 10 + 2] }))
  const kinds = ['update_event', 'publish_event', 'update_ticket', 'update_capacity']
  const any = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!
  const times = (count: number, work: (nth: number) => Promise<unknown>) => async () => {
    for (let nth = 0; nth < count; nth++) await work(nth)
  }
  const newest = new Date('2026-11-02T12:00:00Z').getTime()
  const tell = (nth: number) => {
    const updated_at = new Date(newest + nth * 1_000).toISOString()
    return apply(
      service,
      ...[1, 2, 3].map((id) => {
        const variants = [variant({ id: id * 10 + 1 }), variant({ id: id * 10 + 2 })]
        const body = product({ id, title: `Night ${nth}`, updated_at, variants })
        return delivery('products/update', body)
      }),
    )
  }
  const work = async () => {
    for (const job of await jobs.claimJobs({ kinds, limit: 2, leaseS: 60, attemptsMax: 10 })) {
      if (job.kind === 'update_capacity') await jobs.updateCapacityDelta(job)
      await jobs.completeJob(job, { shopify_updated_at: '2026-11-02T11:00:00Z' })
    }
  }
  await Promise.all([
    ...Array.from({ length: 3 }, () =>
      times(40, async () => {
        const { event, ticket } = any(events)
        const kind = any(kinds)
        const target = /event/.test(kind) ? { event } : { ticket }
        const { outcome, job } = await write(service, kind, {
          ...target,
          details: { changes: {}, capacity: 120 },
        })
        expect(outcome).toBe('queued')
        if (Math.random() < 0.2) await jobs.cancelJob(job!, 'user 7')
        if (Math.random() < 0.1) await jobs.updateJobDue(job!, 'user 7')
      })(),
    ),
    ...Array.from({ length: 3 }, () => times(80, work)()),
    ...Array.from({ length: 2 }, () => times(30, tell)()),
    ...Array.from({ length: 2 }, () => times(60, () => jobs.applyJobConfirmations())()),
  ])
  for (let nth = 0; nth < 150; nth++) await work()
  await tell(100)
  while ((await jobs.applyJobConfirmations()).length > 0);
  for (const { event } of events) expect(await pendingOf(admin, event)).toEqual([])
})

test('results, and an admin, that owe the same money at once owe it once', async () => {
  const { admin } = database
  const { event, orders } = await ordered(admin, { buyers: 4 })
  const payments: number[] = []
  for (const order of orders) {
    const { payment_id: late } = await start(admin, event, order)
    await results(admin, event, [{ payment: late, order, status: 'FAILED' }])
    const { payment_id: first } = await start(admin, event, order)
    await results(admin, event, [{ payment: first, order }])
    payments.push(late, first)
  }
  await Promise.all(
    orders.flatMap((order, nth) => {
      const double = { payment: payments[nth * 2] ?? 0, order }
      return [
        results(admin, event, [double]),
        change(admin, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' }),
        results(admin, event, [double, double]),
      ]
    }),
  )
  expect(await refundsOf(admin, payments)).toEqual(payments.map((payment) => [payment, 'queued']))
})
