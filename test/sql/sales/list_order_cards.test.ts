import { expect } from 'bun:test'
import { addEvent } from '../../catalog.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('orders of the event alone are shown, as they are or as they were placed', async (sql) => {
  const event = await addEvent(sql, {
    tickets: [{ direct: { capacity: 9 } }, { direct: { capacity: 9 }, price: 100 }],
  })
  const other = await addEvent(sql, { tickets: [{ direct: { capacity: 9 } }] })
  const [first = 0, second = 0] = await ticketsOf(sql, event)
  const [elsewhere = 0] = await ticketsOf(sql, other)
  const user = await addUser(sql)
  const [placed] = await place(sql, event, [
    {
      user,
      items: [
        [second, 1],
        [first, 1],
      ],
    },
  ])
  const [foreign] = await place(sql, other, [{ user, items: [[elsewhere, 1]] }])
  const { id } = placed!.body
  await change(sql, event, [{ order: id, status: 'PAID' }], { actor: 'admin' })

  const cards = async (isAsPlaced: boolean) => {
    const rows = await sql<{ card: Record<string, unknown> }[]>`
      select c.card from api.list_order_cards(${event}::bigint, ${`{${id},${foreign!.body.id}}`}::text::bigint[], ${isAsPlaced}) c`
    return rows.map(({ card }) => card)
  }
  expect(await cards(true)).toEqual([placed!.body])
  const [now] = await cards(false)
  expect(now).toMatchObject({
    status: 'PAID',
    version: 2,
    total_cents: 2600,
    items: [{ ticket_id: first }, { ticket_id: second }],
    units: [
      { ticket_id: first, nth: 1 },
      { ticket_id: second, nth: 1 },
    ],
  })
})
