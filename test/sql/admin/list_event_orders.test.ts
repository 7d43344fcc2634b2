import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { makeEvent } from '../../admin.ts'
import { addUser, change, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function list(sql: TransactionSql, event: number, after: number | null = null, limit = 100) {
  const rows = await sql<{ id: number; email: string }[]>`
    select
      r.id::integer, r.email, r.status, r.items, r.unit_count, r.total_cents::integer, r.paid_cents::integer, r.currency,
      r.expires_at, r.created_at, r.updated_at
    from api.list_event_orders(
      p_event_id => ${event}::bigint, p_after_id => ${after}::bigint, p_limit => ${limit}::integer
    ) r`
  return [...rows]
}

check('each order is a row, with its buyer and what he bought', async (sql) => {
  const event = await makeEvent(sql, {
    tickets: [
      { name: 'General', price_cents: 2500, capacity: 10 },
      { name: 'VIP', price_cents: 9000, capacity: 5 },
    ],
  })
  const [general = 0, vip = 0] = await ticketsOf(sql, event)
  const [ann, bob] = [await addUser(sql, 'ann@example.com'), await addUser(sql, 'bob@example.com')]
  const [first, second] = await place(sql, event, [
    {
      user: ann,
      items: [
        [vip, 1],
        [general, 1],
      ],
    },
    { user: bob, items: [[general, 2]] },
  ])
  await change(sql, event, [{ order: first!.body.id, status: 'PAID' }], { actor: 'admin' })
  const times = {
    created_at: '2026-11-01T12:00:00.000Z',
    expires_at: '2026-11-01T12:10:00.000Z',
    currency: 'EUR',
  }
  expect(await list(sql, event)).toEqual([
    {
      ...times,
      id: first!.body.id,
      email: 'ann@example.com',
      status: 'PAID',
      items: '1 x General; 1 x VIP',
      unit_count: 2,
      total_cents: 11_500,
      paid_cents: 11_500,
      updated_at: '2026-11-01T12:05:00.000Z',
    },
    {
      ...times,
      id: second!.body.id,
      email: 'bob@example.com',
      status: 'PENDING',
      items: '2 x General',
      unit_count: 2,
      total_cents: 5000,
      paid_cents: 0,
      updated_at: '2026-11-01T12:00:00.000Z',
    },
  ] as never)
})

check('page by page every order comes once, by id, and none of another event', async (sql) => {
  const event = await makeEvent(sql)
  const other = await makeEvent(sql)
  for (const id of [event, other]) {
    const [ticket = 0] = await ticketsOf(sql, id)
    for (let nth = 0; nth < 5; nth++) {
      await place(sql, id, [{ user: await addUser(sql), items: [[ticket, 1]] }])
    }
  }
  const all = (await list(sql, event)).map(({ id }) => id)
  expect(all.length).toBe(5)
  expect(all).toEqual(all.toSorted((a, b) => a - b))
  const pages: number[] = []
  for (let after: number | null = null; ; ) {
    const page = await list(sql, event, after, 2)
    if (page.length === 0) break
    expect(page.length).toBeLessThanOrEqual(2)
    pages.push(...page.map(({ id }) => id))
    after = pages.at(-1)!
  }
  expect(pages).toEqual(all)
})

check('of an event that there is not, and after the last order, there is none', async (sql) => {
  expect(await list(sql, 999_999)).toEqual([])
  const event = await makeEvent(sql)
  expect(await list(sql, event)).toEqual([])
})
