import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { deleteEvent, deleteTicket, makeEvent, makeShopifyEvent, setStatus, shownEvent } from '../../admin.ts'
import { apply, delivery, level, order, product, variant } from '../../deliveries.ts'
import { addUser, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'
import { mirror, queued } from '../../writes.ts'

const check = scratchTests()

type Shown = Record<string, unknown> & { tickets: Record<string, unknown>[] }

async function get(sql: TransactionSql, event: number | null, ticket: number | null = null) {
  const [row] = await sql<{ body: string | null }[]>`
    select api.get_direct_event(p_event_id => ${event}::bigint, p_ticket_id => ${ticket}::bigint)::text as body`
  return row!.body === null ? null : (JSON.parse(row!.body) as Shown)
}

/** Without what only an admin is shown. */
function asVisitor(shown: Shown | null) {
  const { sales_paused, ...rest } = shown!
  expect(sales_paused).toBe(false)
  return rest
}

check('an event that visitors see is shown as they see it, key by key', async (sql) => {
  const event = await makeEvent(sql, {
    description: '<p>Loud.</p>',
    venue: { name: 'Harbour Hall', city: 'Hamburg' },
    tickets: [
      { name: 'VIP', price_cents: 9000, capacity: null, position: 2 },
      { name: 'General', price_cents: 2500, capacity: 10, position: 1 },
    ],
  })
  const [, general = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[general, 2]] }])
  const shown = asVisitor(await get(sql, event))
  expect(JSON.stringify(shown)).toBe(JSON.stringify(await shownEvent(sql, event)))
  expect(await get(sql, null, general)).toEqual(await get(sql, event))
})

check('an event of Shopify is shown as visitors see it too', async (sql) => {
  await apply(sql, delivery('products/create', product({ variants: [variant()] })))
  await apply(sql, delivery('inventory_levels/update', level(90)))
  await apply(sql, delivery('orders/create', order()))
  const [row] = await sql<{ id: number }[]>`select id::integer from onsale.events`
  const shown = asVisitor(await get(sql, row!.id))
  expect(JSON.stringify(shown)).toBe(JSON.stringify(await shownEvent(sql, row!.id)))
})

check('a draft and an archived event are shown, with hidden tickets', async (sql) => {
  const event = await makeEvent(sql, {
    status: 'draft',
    tickets: [{ name: 'Secret', price_cents: 100, capacity: 5, is_visible: false }],
  })
  expect(await shownEvent(sql, event)).toBeNull()
  expect(await get(sql, event)).toMatchObject({
    id: event,
    status: 'draft',
    price_from_cents: null,
    tickets: [{ name: 'Secret', is_visible: false, capacity: 5, available: 5 }],
  })
  await setStatus(sql, event, null, 'archived')
  expect(await get(sql, event)).toMatchObject({ status: 'archived' })
})

check('what was deleted, or never was, is not shown', async (sql) => {
  expect(await get(sql, 999_999)).toBeNull()
  expect(await get(sql, null, 999_999)).toBeNull()
  expect(await get(sql, null)).toBeNull()
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  await deleteTicket(sql, ticket)
  expect(await get(sql, null, ticket)).toBeNull()
  expect(await get(sql, event)).toMatchObject({ id: event, tickets: [] })
  await deleteEvent(sql, event)
  expect(await get(sql, event)).toBeNull()
})

check("an event of Shopify is found by its product's id, in any status; none by another", async (sql) => {
  const event = await makeShopifyEvent(sql)
  await sql`update onsale.events set status = 'draft' where id = ${event}`
  const byProduct = async (product: number) => {
    const [row] = await sql<{ id: number | null }[]>`
      select (api.get_direct_event(p_shopify_product_id => ${product}::bigint) ->> 'id')::integer as id`
    return row!.id
  }
  expect(await byProduct(event + 632_000_000)).toBe(event)
  expect(await byProduct(1)).toBeNull()
})

check('what is on its way to Shopify is shown, as to visitors', async (sql) => {
  const { event } = await mirror(sql)
  const job_id = await queued(sql, 'publish_event', { event })
  const shown = asVisitor(await get(sql, event))
  expect(shown.pending_changes).toMatchObject([{ job_id, kind: 'publish_event', state: 'queued' }])
  expect(JSON.stringify(shown)).toBe(JSON.stringify(await shownEvent(sql, event)))
})
