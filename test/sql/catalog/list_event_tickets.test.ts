import { expect } from 'bun:test'
import { addEvent } from '../../catalog.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('the tickets are those of get_event, byte by byte', async (sql) => {
  const id = await addEvent(sql, {
    tickets: [{ name: 'Early' }, { name: 'Late', direct: { capacity: null } }],
  })
  const [row] = await sql`
    select
      t.body::text as tickets,
      e.body ->> 'tickets' as of_event,
      t.event_ids = e.event_ids and t.revisions = e.revisions and t.catalogue_revision = e.catalogue_revision as agree
    from api.list_event_tickets(p_event_id => ${id}) t
    cross join api.get_event(p_event_id => ${id}) e`
  expect(row!.tickets).toBe(`{"event_id":${id},"tickets":${row!.of_event}}`)
  expect(row!.agree).toBe(true)
})

check('what is not to be seen has no body', async (sql) => {
  const draft = await addEvent(sql, { status: 'draft' })
  const rows = await sql`
    select r.body, r.event_ids from api.list_event_tickets(p_event_id => ${draft}) r
    union all
    select null, r.event_ids from api.list_event_tickets(p_shopify_product_id => 12345) r where r.body is null`
  expect([...rows]).toEqual([
    { body: null, event_ids: [] },
    { body: null, event_ids: [] },
  ])
})
