import { expect } from 'bun:test'
import { auditOf, makeEvent, shownEvent } from '../../admin.ts'
import { allotmentOf, allotted, mirrored, wanted } from '../../allotment.ts'
import { apply, delivery, product, variant } from '../../deliveries.ts'
import { jobOf } from '../../jobs.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('a move is queued behind what else is owed to the event, and nothing is moved yet', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  const { outcome, job, version } = await wanted(sql, ticket, 4)
  expect([outcome, version]).toEqual(['queued', 1])
  expect(await jobOf(sql, job ?? 0)).toMatchObject({
    kind: 'move_allotment',
    subject: `event ${event}`,
    state: 'queued',
    created_by: 'user 7',
    request: {
      ticket_id: ticket,
      shopify_product_id: '1',
      shopify_variant_id: '11',
      inventory_item_id: '1011',
      units: 4,
      capacity: 10,
      location_id: '1',
      version: 1,
    },
  })
  expect(await allotmentOf(sql, ticket)).toBeNull()
  expect(await shownEvent(sql, event)).toMatchObject({
    pending_changes: [{ job_id: job, kind: 'move_allotment', state: 'queued' }],
  })
  expect((await auditOf(sql, `event ${event}`)).map(({ actor, action }) => [actor, action])).toEqual([
    ['user 7', 'shopify.move_allotment'],
  ])
})

check('where nobody says from where, the job finds out', async (sql) => {
  const { ticket } = await mirrored(sql)
  const { job } = await wanted(sql, ticket, 4, { location: null })
  expect((await jobOf(sql, job ?? 0)).request.location_id).toBeNull()
})

check('a ticket of the direct channel alone has all of its units here', async (sql) => {
  const [ticket = 0] = await ticketsOf(sql, await makeEvent(sql))
  expect(await wanted(sql, ticket, 4)).toEqual({ outcome: 'not_shopify', job: null, version: 1, min: null })
})

check('what Shopify does not count has no units to move', async (sql) => {
  await apply(
    sql,
    delivery(
      'products/create',
      product({
        variants: [variant({ inventory_management: null }), variant({ id: 12, inventory_item_id: null })],
      }),
    ),
  )
  const tickets = await sql<{ id: number }[]>`select id::integer from onsale.tickets order by id`
  expect(tickets).toHaveLength(2)
  for (const { id } of tickets) expect(await wanted(sql, id, 4)).toMatchObject({ outcome: 'not_tracked' })
})

check('who has looked at another version is told, and nothing is queued', async (sql) => {
  const { ticket } = await mirrored(sql)
  await allotted(sql, ticket, 4)
  expect(await wanted(sql, ticket, 5, { version: 1 })).toEqual({
    outcome: 'version_conflict',
    job: null,
    version: 2,
    min: null,
  })
  expect(await sql`select from onsale.jobs where state = 'queued'`).toHaveLength(0)
})

check('fewer than are sold and held is refused with the least there can be', async (sql) => {
  const { event, ticket } = await mirrored(sql)
  await allotted(sql, ticket, 6)
  const user = await addUser(sql)
  const [first] = await place(sql, event, [{ user, items: [[ticket, 1]] }])
  await change(sql, event, [{ order: first?.body.id ?? 0, status: 'PAID' }], { actor: 'admin' })
  await place(sql, event, [{ user, items: [[ticket, 1]] }])
  expect(await wanted(sql, ticket, 1)).toMatchObject({ outcome: 'capacity_below_sold', job: null, min: 2 })
  expect(await wanted(sql, ticket, 2)).toMatchObject({ outcome: 'queued', min: 2 })
  // From then on what was held is free.
  const now = '2026-11-01T12:10:00Z'
  expect(await wanted(sql, ticket, 1, { now })).toMatchObject({ outcome: 'queued', min: 1 })
})

check('what is not there, or not any more, is not found', async (sql) => {
  const { ticket } = await mirrored(sql)
  expect(await wanted(sql, 999_999, 4)).toMatchObject({ outcome: 'not_found', version: null })
  await apply(sql, delivery('products/delete', { id: 1 }))
  expect(await wanted(sql, ticket, 4)).toMatchObject({ outcome: 'not_found', job: null })
})

check(
  'a request that is sent again under its token is the same job, and another one is refused',
  async (sql) => {
    const { ticket } = await mirrored(sql)
    const { job } = await wanted(sql, ticket, 4, { token: 'mine' })
    expect(await wanted(sql, ticket, 4, { token: 'mine' })).toMatchObject({ outcome: 'replayed', job })
    expect(await wanted(sql, ticket, 5, { token: 'mine' })).toMatchObject({ outcome: 'conflict', job })
    expect(await wanted(sql, ticket, 5, { token: 'another' })).toMatchObject({ outcome: 'queued' })
  },
)
