import { expect } from 'bun:test'
import { auditOf, makeEvent, revisionsOf } from '../../admin.ts'
import { apply, delivery, order } from '../../deliveries.ts'
import { addUser, place } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'
import { mirror, pendingOf, write, writeJob } from '../../writes.ts'

const check = scratchTests()

check(
  'a change of an event is queued for Shopify, and nothing changes here but what is pending',
  async (sql) => {
    const { event } = await mirror(sql)
    const [revision, catalogue] = await revisionsOf(sql, event)
    const placed = await write(sql, 'update_event', {
      event,
      version: 1,
      details: { changes: { title: 'Last Night' } },
    })
    expect(placed).toEqual({ outcome: 'queued', job: expect.any(Number), version: 1, min: null })
    const request = { shopify_product_id: '1', changes: { title: 'Last Night' } }
    expect(await writeJob(sql, placed.job!)).toEqual({
      kind: 'update_event',
      subject: `event ${event}`,
      state: 'queued',
      event_id: event,
      ticket_id: null,
      superseded_by: null,
      confirmed_at: null,
      request,
      result: null,
    })
    expect(await pendingOf(sql, event)).toEqual([['update_event', 'queued']])
    expect(await revisionsOf(sql, event)).toEqual([revision + 1, catalogue])
    expect(await auditOf(sql, `event ${event}`)).toEqual([
      {
        actor: 'user 7',
        action: 'shopify.update_event',
        before: null,
        after: { job_id: placed.job, ...request },
      },
    ])
  },
)

check('a job of a ticket names variant, item and currency as its kind needs them', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const requests = []
  for (const [kind, target, details] of [
    ['create_ticket', { event }, { ticket: { name: 'VIP' }, location_id: null }],
    ['update_ticket', { ticket, version: 1 }, { changes: { price_cents: 5 } }],
    ['update_capacity', { ticket, version: 1 }, { capacity: 120, location_id: '3' }],
    ['delete_ticket', { ticket }, {}],
  ] as const) {
    const { job } = await write(sql, kind, { ...target, details })
    const { request, event_id, ticket_id, subject } = await writeJob(sql, job!)
    expect([event_id, ticket_id, subject]).toEqual([
      event,
      'ticket' in target ? ticket : null,
      `event ${event}`,
    ])
    requests.push(request)
  }
  const ids = { shopify_product_id: '1', shopify_variant_id: '11' }
  expect(requests).toEqual([
    { shopify_product_id: '1', currency: 'EUR', ticket: { name: 'VIP' }, location_id: null },
    { ...ids, currency: 'EUR', changes: { price_cents: 5 } },
    { ...ids, ticket_id: ticket, inventory_item_id: '1011', capacity: 120, location_id: '3', delta: null },
    ids,
  ])
})

check('two admins who looked at the same version do not lose what either wrote', async (sql) => {
  const { event } = await mirror(sql)
  const changes = (fields: object) => ({ event, version: 1, details: { changes: fields } })
  const one = await write(sql, 'update_event', changes({ title: 'A', subtitle: 'a' }))
  const other = await write(sql, 'update_event', { ...changes({ title: 'B' }), actor: 'user 8' })
  expect([one.outcome, other.outcome]).toEqual(['queued', 'queued'])
  expect(await writeJob(sql, other.job!)).toMatchObject({
    request: { changes: { title: 'B', subtitle: 'a' } },
  })
  expect(await pendingOf(sql, event)).toEqual([['update_event', 'queued']])
})

check('a version that is not the newest is refused, and none is anybody', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const conflict = { outcome: 'version_conflict', job: null, version: 1, min: null }
  expect(await write(sql, 'update_event', { event, version: 2 })).toEqual(conflict)
  expect(await write(sql, 'update_ticket', { ticket, version: 7 })).toEqual(conflict)
  expect(await write(sql, 'update_capacity', { ticket, version: 7, details: { capacity: 1 } })).toEqual(
    conflict,
  )
  expect(await pendingOf(sql, event)).toEqual([])
  expect(await write(sql, 'publish_event', { event })).toMatchObject({ outcome: 'queued' })
})

check('what is not there, was deleted, or is of the direct channel alone is not written', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const direct = await makeEvent(sql)
  const [own] = await sql<{ id: number }[]>`select id::integer from onsale.tickets where event_id = ${direct}`
  const outcomeOf = async (kind: string, target: object) => (await write(sql, kind, target)).outcome
  expect(await outcomeOf('publish_event', { event: 999_999 })).toBe('not_found')
  expect(await outcomeOf('update_ticket', { ticket: 999_999 })).toBe('not_found')
  expect(await outcomeOf('publish_event', { event: direct })).toBe('not_shopify')
  expect(await outcomeOf('update_ticket', { ticket: own!.id })).toBe('not_shopify')
  await sql`update onsale.tickets set is_removed = true where id = ${own!.id}`
  expect(await outcomeOf('delete_ticket', { ticket: own!.id })).toBe('not_found')
  await apply(sql, delivery('products/delete', { id: 1 }, { at: '2026-11-01T12:30:00Z' }))
  expect(await outcomeOf('update_event', { event })).toBe('not_found')
  expect(await outcomeOf('update_ticket', { ticket })).toBe('not_found')
})

check('fewer than are sold there or are of the direct channel there cannot be', async (sql) => {
  const { event, ticket } = await mirror(sql)
  const lines = [{ id: 1, variant_id: 11, quantity: 30, current_quantity: 30 }]
  await apply(sql, delivery('orders/create', order({ lines })))
  await sql`insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${ticket}, 'direct', 5)`
  const capacity = (wanted: number | null) =>
    write(sql, 'update_capacity', { ticket, version: 1, details: { capacity: wanted } })
  expect(await capacity(34)).toEqual({ outcome: 'capacity_below_sold', job: null, version: 1, min: 35 })
  expect(await capacity(35)).toMatchObject({ outcome: 'queued' })
  expect(await capacity(null)).toMatchObject({ outcome: 'queued' })
})

check('nothing is deleted of which units are held or sold in the direct channel', async (sql) => {
  const { event, ticket } = await mirror(sql, { variants: [11, 12] })
  await sql`insert into onsale.stock (event_id, ticket_id, channel, capacity) values (${event}, ${ticket}, 'direct', 5)`
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [{ user, items: [[ticket, 1]] }])
  expect(placed!.outcome).toBe('placed')
  expect((await write(sql, 'delete_event', { event })).outcome).toBe('has_live_orders')
  expect((await write(sql, 'delete_ticket', { ticket })).outcome).toBe('has_live_orders')
  expect((await write(sql, 'delete_ticket', { ticket: ticket + 1 })).outcome).toBe('queued')
  // Its time is over: nobody holds anything any more.
  expect((await write(sql, 'delete_ticket', { ticket, time: '23:00:00' })).outcome).toBe('queued')
  expect((await write(sql, 'delete_event', { event, time: '23:00:00' })).outcome).toBe('queued')
})

check('the same request under its token is queued once, another one under it is refused', async (sql) => {
  const { event } = await mirror(sql)
  const first = await write(sql, 'publish_event', { event, token: 'key' })
  expect(await write(sql, 'publish_event', { event, token: 'key' })).toMatchObject({
    outcome: 'replayed',
    job: first.job,
  })
  expect(await write(sql, 'unpublish_event', { event, token: 'key', digest: 'of another' })).toMatchObject({
    outcome: 'conflict',
    job: first.job,
  })
  expect(await write(sql, 'publish_event', { event, token: 'key', actor: 'user 8' })).toMatchObject({
    outcome: 'queued',
  })
})
