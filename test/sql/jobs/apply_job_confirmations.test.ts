import { expect } from 'bun:test'
import { apply, delivery, product, variant } from '../../deliveries.ts'
import { at } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { confirm, finish, mirror, pendingOf, queued, revisionOf, writeEvent, writeJob } from '../../writes.ts'

const check = scratchTests()

const changed = { shopify_product_id: '1', shopify_updated_at: at('12:00:01') }

check(
  'what the mirror shows is confirmed, is pending no more, and is a revision of the event',
  async (sql) => {
    const { event } = await mirror(sql)
    const job = await queued(sql, 'publish_event', { event })
    await finish(sql, job, changed)
    expect(await confirm(sql)).toEqual([])
    expect(await pendingOf(sql, event)).toEqual([['publish_event', 'done']])
    await apply(sql, delivery('products/update', product({ updated_at: at('12:00:01') })))
    const before = await revisionOf(sql, event)
    expect(await confirm(sql, '12:00:03')).toEqual([job])
    expect(await writeJob(sql, job)).toMatchObject({
      confirmed_at: new Date(at('12:00:03')),
      result: { ...changed, event_id: event },
    })
    expect(await pendingOf(sql, event)).toEqual([])
    expect(await revisionOf(sql, event)).toBe(before + 1)
  },
)

check('it tells how long that took since it was done, and since it was asked for', async (sql) => {
  const { event } = await mirror(sql)
  const job = await queued(sql, 'publish_event', { event })
  await finish(sql, job, { ...changed, shopify_updated_at: null }, '12:00:05')
  const rows = await sql`
    select c.job_id::integer as id, c.kind, c.confirm_s, c.visible_s
    from api.apply_job_confirmations(p_now => ${at('12:00:06.5')}::text::timestamptz) c`
  expect([...rows]).toEqual([{ id: job, kind: 'publish_event', confirm_s: 1.5, visible_s: 6.5 }])
})

check('a second call finds nothing, and no event has a new revision', async (sql) => {
  const { event } = await mirror(sql)
  await finish(sql, await queued(sql, 'publish_event', { event }), { ...changed, shopify_updated_at: null })
  await confirm(sql)
  const before = await revisionOf(sql, event)
  expect(await confirm(sql)).toEqual([])
  expect(await revisionOf(sql, event)).toBe(before)
})

check('a new event is told by its id here, and a new ticket by its own', async (sql) => {
  const { job } = await writeEvent(sql)
  await finish(sql, job, changed)
  const { event, ticket } = await mirror(sql)
  await apply(sql, delivery('products/update', product({ updated_at: at('12:00:01') })))
  expect(await confirm(sql)).toEqual([job])
  expect(await writeJob(sql, job)).toMatchObject({ event_id: event, result: { event_id: event } })

  const details = { ticket: { name: 'VIP' }, location_id: null }
  const adding = await queued(sql, 'create_ticket', { event, details })
  await finish(sql, adding, { ...changed, shopify_variant_id: '12' })
  const variants = [variant(), variant({ id: 12 })]
  await apply(sql, delivery('products/update', product({ updated_at: at('12:00:02'), variants })))
  expect(await confirm(sql)).toEqual([adding])
  expect(await writeJob(sql, adding)).toMatchObject({
    ticket_id: ticket + 1,
    result: { event_id: event, ticket_id: ticket + 1 },
  })
})

check('no more than asked for are confirmed at once, the oldest first', async (sql) => {
  const { event } = await mirror(sql)
  const jobs = [
    await queued(sql, 'publish_event', { event }),
    await queued(sql, 'unpublish_event', { event }),
  ]
  for (const job of jobs) await finish(sql, job, { ...changed, shopify_updated_at: null })
  const one = () => sql`select c.job_id::integer as id from api.apply_job_confirmations(p_limit => 1) c`
  expect([...(await one()), ...(await one())].map(({ id }) => id)).toEqual(jobs)
})

check('a refund is done and never waits for a mirror', async (sql) => {
  await sql`
    insert into onsale.jobs (kind, subject, request, state, result, next_attempt_at, created_by, created_at, updated_at)
    values ('refund', 'payment 1', '{}', 'done', '{}', now(), 'payment', now(), now())`
  expect(await confirm(sql)).toEqual([])
})
