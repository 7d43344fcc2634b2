import { expect } from 'bun:test'
import { ordered, results, start } from '../../payments.ts'
import { addUser, change, countersOf } from '../../sales.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

check('an attempt is for all that the order costs, in its currency', async (sql) => {
  const { event, order, user } = await ordered(sql)
  const started = await start(sql, event, order, { user })
  expect(started).toMatchObject({
    outcome: 'created',
    order_status: 'PENDING',
    amount_cents: 5000,
    currency: 'EUR',
    provider: 'sandbox',
    provider_payment_id: null,
    redirect_url: null,
  })
  expect(started.payment_id).toBeGreaterThan(0)
})

check('a second call gives the live attempt again, with what the provider answered', async (sql) => {
  const { event, order } = await ordered(sql)
  const { payment_id } = await start(sql, event, order)
  await sql`select api.update_payments(${event}, array[${payment_id}::bigint], '{far 1}', '{https://pay.example/1}')`
  expect(await start(sql, event, order, { provider: 'another' })).toMatchObject({
    outcome: 'existing',
    payment_id,
    provider: 'sandbox',
    provider_payment_id: 'far 1',
    redirect_url: 'https://pay.example/1',
  })
})

check('after a failed attempt another one is made', async (sql) => {
  const { event, order } = await ordered(sql)
  const first = await start(sql, event, order)
  await results(sql, event, [{ payment: first.payment_id, order, status: 'FAILED' }])
  const second = await start(sql, event, order)
  expect(second.outcome).toBe('created')
  expect(second.payment_id).not.toBe(first.payment_id)
})

check("another user's order is not there, nor one of another event; anybody's is for null", async (sql) => {
  const { event, order } = await ordered(sql)
  const other = await ordered(sql)
  const nothing = { outcome: 'not_found', order_status: null, payment_id: null, amount_cents: null }
  expect(await start(sql, event, order, { user: await addUser(sql) })).toMatchObject(nothing)
  expect(await start(sql, other.event, order)).toMatchObject(nothing)
  expect(await start(sql, event, 999_999)).toMatchObject(nothing)
  expect(await start(sql, event, order, { user: null })).toMatchObject({ outcome: 'created' })
})

check('an order that is paid, cancelled or free of charge is not to be paid', async (sql) => {
  const { event, orders, users } = await ordered(sql, { buyers: 2 })
  const [first = 0, second = 0] = orders
  await change(sql, event, [{ order: first, status: 'CANCELLED', user: users[0] ?? 0 }])
  await change(sql, event, [{ order: second, status: 'PAID' }], { actor: 'admin' })
  const free = await ordered(sql, { price: 0 })
  expect(await start(sql, event, first)).toMatchObject({
    outcome: 'not_payable',
    order_status: 'CANCELLED',
    payment_id: null,
  })
  expect(await start(sql, event, second)).toMatchObject({ outcome: 'not_payable', order_status: 'PAID' })
  expect(await start(sql, free.event, free.order)).toMatchObject({
    outcome: 'not_payable',
    order_status: 'PAID',
  })
})

check('an order is to be paid until its time is over, and is EXPIRED from then on', async (sql) => {
  const { event, order, ticket } = await ordered(sql)
  expect(await start(sql, event, order, { now: '2026-11-01T12:09:59.999Z' })).toMatchObject({
    outcome: 'created',
  })
  expect(await start(sql, event, order, { now: '2026-11-01T12:10:00Z' })).toMatchObject({
    outcome: 'not_payable',
    order_status: 'EXPIRED',
  })
  expect(await countersOf(sql, event)).toEqual({ [ticket]: [0, 0, 10] })
})

check('two live attempts of one order are refused by the table itself', async (sql) => {
  const { event, order } = await ordered(sql)
  await start(sql, event, order)
  const again = await sqlStateOf(
    sql,
    (sql) => sql`
      insert into onsale.payments (event_id, order_id, provider, amount_cents, currency, created_at, updated_at)
      values (${event}, ${order}, 'sandbox', 5000, 'EUR', now(), now())`,
  )
  expect(again).toBe('23505')
})

check(
  'a batch has an answer for each request, in its order; the same order twice is one attempt',
  async (sql) => {
    const { event, orders, users } = await ordered(sql, { buyers: 2 })
    const [first = 0, second = 0] = orders
    const rows = await sql<
      { ordinal: number; outcome: string; payment_id: number | null; provider: string | null }[]
    >`
    select r.ordinal, r.outcome, r.payment_id::integer, r.provider
    from api.place_payments(
      p_event_id => ${event}::bigint,
      p_order_ids => array[${second}::bigint, 999999, ${first}::bigint, ${first}::bigint, ${second}::bigint],
      p_user_ids => array[null, null, ${users[0] ?? 0}::bigint, null, ${users[0] ?? 0}::bigint],
      p_providers => '{one,one,one,two,one}',
      p_now => '2026-11-01T12:01:00Z'
    ) r
    order by r.ordinal`
    expect(rows.map(({ outcome, provider }) => [outcome, provider])).toEqual([
      ['created', 'one'],
      ['not_found', null],
      ['created', 'one'],
      ['existing', 'one'],
      ['not_found', null],
    ])
    expect(rows[3]?.payment_id).toBe(rows[2]?.payment_id ?? 0)
    const none = await sql`select from api.place_payments(${event}, '{}', '{}', '{}')`
    expect(none).toHaveLength(0)
  },
)
