import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { deleteTicket, makeEvent } from '../../admin.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function stats(sql: TransactionSql, event: number, now = '2026-11-01T12:05:00Z') {
  const [row] = await sql<{ body: Record<string, unknown> | null }[]>`
    select api.get_event_stats(p_event_id => ${event}::bigint, p_now => ${now}::text::timestamptz) as body`
  return row!.body
}

check('units and money of what was paid, by ticket, day and minute, and what is held', async (sql) => {
  const event = await makeEvent(sql, {
    currency: 'JPY',
    tickets: [
      { name: 'General', price_cents: 2500, capacity: 10 },
      { name: 'VIP', price_cents: 9000, capacity: 5, position: 0 },
    ],
  })
  const [general = 0, vip = 0] = await ticketsOf(sql, event)
  const buy = async (now: string, status: string | null, ...items: [number, number][]) => {
    const [placed] = await place(sql, event, [{ user: await addUser(sql), items }], { now, holdS: 1_000_000 })
    if (status) {
      await change(sql, event, [{ order: placed!.body.id, status }], { actor: 'admin', now })
    }
  }
  await buy('2026-10-30T23:59:59.999Z', 'PAID', [general, 1])
  await buy('2026-10-31T00:00:00Z', 'PAID', [general, 1], [vip, 1])
  await buy('2026-10-31T08:30:10Z', 'PAID', [general, 1])
  await buy('2026-10-31T08:30:50Z', 'PAID', [general, 2])
  await buy('2026-10-31T08:40:00Z', 'CANCELLED', [general, 2])
  await buy('2026-10-31T08:41:00Z', null, [vip, 2])
  const wanted = {
    event_id: event,
    sold: 6,
    held: 2,
    revenue_cents: 21_500,
    currency: 'JPY',
    tickets: [
      { ticket_id: vip, name: 'VIP', sold: 1, held: 2, revenue_cents: 9000 },
      { ticket_id: general, name: 'General', sold: 5, held: 0, revenue_cents: 12_500 },
    ],
    days: [
      { day: '2026-10-30', sold: 1, revenue_cents: 2500 },
      { day: '2026-10-31', sold: 5, revenue_cents: 19_000 },
    ],
    top_minute: { minute: '2026-10-31T08:30:00.000Z', units: 3 },
  }
  expect(await stats(sql, event)).toEqual(wanted)
  expect(Object.keys((await stats(sql, event))!)).toEqual(Object.keys(wanted))
  await sql`set local time zone 'Asia/Kathmandu'`
  expect(await stats(sql, event)).toEqual(wanted)
})

check('before anything is sold all is nothing, and there is no best minute', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  expect(await stats(sql, event)).toEqual({
    event_id: event,
    sold: 0,
    held: 0,
    revenue_cents: 0,
    currency: 'EUR',
    tickets: [{ ticket_id: ticket, name: 'General', sold: 0, held: 0, revenue_cents: 0 }],
    days: [],
    top_minute: null,
  })
})

check('what an unpaid order held is free at the instant at which it is over', async (sql) => {
  const event = await makeEvent(sql)
  const [ticket = 0] = await ticketsOf(sql, event)
  await place(sql, event, [{ user: await addUser(sql), items: [[ticket, 2]] }])
  expect(await stats(sql, event, '2026-11-01T12:09:59.999Z')).toMatchObject({ held: 2 })
  expect(await stats(sql, event, '2026-11-01T12:10:00Z')).toMatchObject({ held: 0, tickets: [{ held: 0 }] })
})

check(
  'of two minutes with as many the first is told; a ticket that was taken out is not shown',
  async (sql) => {
    const event = await makeEvent(sql, {
      tickets: [
        { name: 'Free', price_cents: 0, capacity: 9 },
        { name: 'Gone', price_cents: 0, capacity: 9 },
      ],
    })
    const [free = 0, gone = 0] = await ticketsOf(sql, event)
    await deleteTicket(sql, gone)
    for (const now of ['2026-11-01T12:02:00Z', '2026-11-01T12:01:00Z']) {
      await place(sql, event, [{ user: await addUser(sql), items: [[free, 1]] }], { now })
    }
    expect(await stats(sql, event)).toMatchObject({
      tickets: [{ ticket_id: free, sold: 2, revenue_cents: 0 }],
      top_minute: { minute: '2026-11-01T12:01:00.000Z', units: 1 },
    })
  },
)

check('of an event that there is not there is nothing to tell', async (sql) => {
  expect(await stats(sql, 999_999)).toBeNull()
})
