import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, product, variant } from '../../deliveries.ts'
import { at } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { finish, mirror, queued, writeEvent } from '../../writes.ts'

const check = scratchTests()

/** Ids of the jobs that the mirror shows, at 12:00:02 unless told otherwise. */
async function shown(sql: Session, time = '12:00:02'): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select n.job_id::integer as id from api.list_shown_jobs(${at(time)}::text::timestamptz) n order by n.job_id`
  return rows.map(({ id }) => id)
}

/** Shopify's answer, as of this moment of the minute after 12:00. */
const changedAt = (time: string) => ({ shopify_product_id: '1', shopify_updated_at: at(time) })
const tell = (sql: Session, time: string, rest: Record<string, unknown> = {}) =>
  apply(sql, delivery('products/update', product({ updated_at: at(time), ...rest })))
const tellLevel = (sql: Session, time: string, available: number, location = 1) =>
  apply(
    sql,
    delivery('inventory_levels/update', level(available, { updated_at: at(time), location_id: location })),
  )

for (const kind of ['update_event', 'publish_event', 'unpublish_event']) {
  check(`${kind} shows with the first body that is as new as the change`, async (sql) => {
    const { event } = await mirror(sql)
    const job = await queued(sql, kind, { event, details: { changes: {} } })
    await finish(sql, job, changedAt('12:00:01.400'))
    await tell(sql, '12:00:00')
    expect(await shown(sql)).toEqual([])
    await tell(sql, '12:00:01')
    expect(await shown(sql)).toEqual([job])
  })
}

check('what is not done shows nothing, and neither does what is confirmed or superseded', async (sql) => {
  const { event } = await mirror(sql)
  await queued(sql, 'publish_event', { event })
  const job = await queued(sql, 'publish_event', { event })
  await tell(sql, '12:10:00')
  expect(await shown(sql)).toEqual([])
  await finish(sql, job, changedAt('12:00:01'))
  expect(await shown(sql)).toEqual([job])
  await sql`update onsale.jobs set confirmed_at = now() where id = ${job}`
  expect(await shown(sql)).toEqual([])
})

check('where nothing had to be changed there is nothing to wait for', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const jobs = [
    await queued(sql, 'publish_event', { event }),
    await queued(sql, 'update_capacity', { ticket, details: { capacity: 100 } }),
  ]
  for (const job of jobs) await finish(sql, job, { shopify_product_id: '1', shopify_updated_at: null })
  expect(await shown(sql)).toEqual(jobs)
})

check('a new event shows when its product has come, under its own id', async (sql) => {
  const { job } = await writeEvent(sql)
  await finish(sql, job, changedAt('12:00:01'))
  expect(await shown(sql)).toEqual([])
  await tell(sql, '12:00:01', { id: 2, variants: [variant({ id: 21 })] })
  expect(await shown(sql)).toEqual([])
  await tell(sql, '12:00:01')
  const [row] = await sql`select n.event_id = e.id as is_it from api.list_shown_jobs(now()) n, onsale.events e
    where e.shopify_product_id = 1`
  expect(row).toEqual({ is_it: true })
})

check('a deletion shows by its tombstone, and then everything else of the event does', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const jobs = [
    await queued(sql, 'update_event', { event, details: { changes: {} } }),
    await queued(sql, 'update_capacity', { ticket, details: { capacity: 120 } }),
    await queued(sql, 'delete_event', { event }),
  ]
  for (const job of jobs) await finish(sql, job, changedAt('12:00:01'))
  await tell(sql, '12:00:00')
  expect(await shown(sql)).toEqual([])
  await apply(sql, delivery('products/delete', { id: 1 }, { at: at('12:00:01') }))
  expect(await shown(sql)).toEqual(jobs)
})

check(
  'a new ticket shows when its variant has come, or a later body does not know it any more',
  async (sql) => {
    const { event } = await mirror(sql)
    const details = { ticket: { name: 'VIP' }, location_id: null }
    const [kept, gone] = [
      await queued(sql, 'create_ticket', { event, details }),
      await queued(sql, 'create_ticket', { event, details }),
    ]
    await finish(sql, kept, { ...changedAt('12:00:01'), shopify_variant_id: '12' })
    await finish(sql, gone, { ...changedAt('12:00:02'), shopify_variant_id: '13' })
    await tell(sql, '12:00:01')
    expect(await shown(sql)).toEqual([])
    await tell(sql, '12:00:02', { variants: [variant(), variant({ id: 12 })] })
    expect(await shown(sql)).toEqual([kept])
    await tell(sql, '12:00:03', { variants: [variant(), variant({ id: 12 })] })
    expect(await shown(sql)).toEqual([kept, gone])
  },
)

check(
  'a change of a ticket shows with its variant, a deletion when the body does not list it',
  async (sql) => {
    const { ticket } = await mirror(sql, { variants: [11, 12] })
    const jobs = [
      await queued(sql, 'update_ticket', { ticket, details: { changes: { price_cents: 5 } } }),
      await queued(sql, 'delete_ticket', { ticket: ticket + 1 }),
    ]
    for (const job of jobs) await finish(sql, job, changedAt('12:00:01'))
    await tell(sql, '12:00:01', { variants: [variant(), variant({ id: 12 })] })
    expect(await shown(sql)).toEqual(jobs.slice(0, 1))
    await tell(sql, '12:00:02')
    expect(await shown(sql)).toEqual(jobs)
  },
)

check('what was changed of a ticket that is gone by now shows', async (sql) => {
  const { ticket } = await mirror(sql, { variants: [11, 12] })
  const job = await queued(sql, 'update_ticket', { ticket: ticket + 1, details: { changes: { name: 'A' } } })
  await finish(sql, job, changedAt('12:00:01'))
  await tell(sql, '12:00:00')
  expect(await shown(sql)).toEqual([job])
})

/** A capacity of 120 that was done at 12:00:10 by adding 20 at location 1. */
async function enlarged(sql: Session): Promise<number> {
  const { ticket } = await mirror(sql)
  await tellLevel(sql, '11:00:00', 100)
  const details = { capacity: 120, location_id: '1' }
  const job = await queued(sql, 'update_capacity', { ticket, details })
  await finish(sql, job, changedAt('12:00:10'), '12:00:10')
  return job
}

check('a capacity shows by the level of its location', async (sql) => {
  const job = await enlarged(sql)
  expect(await shown(sql, '12:00:11')).toEqual([])
  await tellLevel(sql, '12:00:10', 120)
  expect(await shown(sql, '12:00:11')).toEqual([job])
})

check(
  'a level of the second before or of the same one counts only once it could not be an older one',
  async (sql) => {
    const job = await enlarged(sql)
    await tellLevel(sql, '12:00:07', 99)
    expect(await shown(sql, '12:00:30')).toEqual([])
    await tellLevel(sql, '12:00:09', 98)
    expect(await shown(sql, '12:00:11')).toEqual([])
    await tellLevel(sql, '12:00:10', 97)
    expect(await shown(sql, '12:00:11')).toEqual([])
    expect(await shown(sql, '12:00:16')).toEqual([job])
  },
)

check('a level that is newer counts whatever it says', async (sql) => {
  const job = await enlarged(sql)
  await tellLevel(sql, '12:00:11', 50)
  expect(await shown(sql, '12:00:11')).toEqual([job])
})

check('the level of another location says nothing of this one', async (sql) => {
  const job = await enlarged(sql)
  await tellLevel(sql, '12:00:11', 7, 2)
  expect(await shown(sql, '12:00:11')).toEqual([])
  // Five seconds later something newer is known of the whole.
  await tellLevel(sql, '12:00:16', 7, 2)
  expect(await shown(sql, '12:00:16')).toEqual([job])
})

check('without any level a capacity shows by the body of the product', async (sql) => {
  const { ticket } = await mirror(sql)
  const job = await queued(sql, 'update_capacity', { ticket, details: { capacity: 120, location_id: null } })
  await finish(sql, job, changedAt('12:00:10'), '12:00:10')
  await tell(sql, '12:00:10', { variants: [variant({ inventory_quantity: 120 })] })
  expect(await shown(sql, '12:00:11')).toEqual([job])
})

check('no limit shows when the ticket is not tracked any more', async (sql) => {
  const { ticket } = await mirror(sql)
  const job = await queued(sql, 'update_capacity', { ticket, details: { capacity: null, location_id: null } })
  await finish(sql, job, changedAt('12:00:01'))
  await tell(sql, '12:00:02')
  expect(await shown(sql)).toEqual([])
  await apply(
    sql,
    delivery('inventory_items/update', { id: 1011, tracked: false, updated_at: at('12:00:01') }),
  )
  expect(await shown(sql)).toEqual([job])
})
