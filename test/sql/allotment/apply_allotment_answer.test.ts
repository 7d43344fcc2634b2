import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { shownEvent } from '../../admin.ts'
import { allotmentOf, allotted, goOn, mirrored, queued, said } from '../../allotment.ts'
import { apply, delivery, level, order, product, variant } from '../../deliveries.ts'
import { expectAnyOrder, scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

/** A move whose first call is about to be made. */
async function asked(sql: TransactionSql, { from = 0, to = 4 } = {}) {
  const { event, ticket } = await mirrored(sql)
  if (from > 0) await allotted(sql, ticket, from)
  const job = await queued(sql, ticket, to)
  return { event, ticket, job, call: await goOn(sql, job) }
}

check('what Shopify had is here with its answer', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  expect(await said(sql, job, call.key, 'made', { quantity: 6 })).toBe(true)
  expect(await allotmentOf(sql, ticket)).toBe(4)
  expect(await goOn(sql, job)).toMatchObject({
    outcome: 'done',
    step: 'done',
    moved: 4,
    missing: 0,
    allotment: 4,
  })
})

check('what it had not is put back under another key, and only the rest is here, after that', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  expect(await said(sql, job, call.key, 'made', { quantity: -3 })).toBe(true)
  expect(await allotmentOf(sql, ticket)).toBeNull()
  const back = await goOn(sql, job)
  expect(back).toMatchObject({ outcome: 'call', step: 'putting_back', delta: 3, was_asked: false })
  expect(back.key).not.toBe(call.key)
  expect(await said(sql, job, back.key, 'made')).toBe(true)
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'done', moved: 1, missing: 3, allotment: 1 })
  expect(await allotmentOf(sql, ticket)).toBe(1)
})

check('a shop that stood below zero before gets back what was taken, and no more', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  await said(sql, job, call.key, 'made', { quantity: -9 })
  const back = await goOn(sql, job)
  expect(back.delta).toBe(4)
  await said(sql, job, back.key, 'made')
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'done', moved: 0, missing: 4 })
  expect(await allotmentOf(sql, ticket)).toBeNull()
})

check('an answer that was stored already changes nothing', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  await said(sql, job, call.key, 'made', { quantity: -3 })
  expect(await said(sql, job, call.key, 'made', { quantity: 0 })).toBe(false)
  const back = await goOn(sql, job)
  expect(back.step).toBe('putting_back')
  await said(sql, job, back.key, 'made')
  expect(await said(sql, job, back.key, 'refused')).toBe(false)
  expect(await said(sql, 999_999, back.key, 'made')).toBe(false)
  expect(await allotmentOf(sql, ticket)).toBe(1)
})

check('units that Shopify has taken back are there, and left here before', async (sql) => {
  const { ticket, job, call } = await asked(sql, { from: 6, to: 2 })
  expect(await said(sql, job, call.key, 'made')).toBe(true)
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'done', step: 'done', moved: -4, allotment: 2 })
  expect(await allotmentOf(sql, ticket)).toBe(2)
})

check(
  'what Shopify does not give is not moved, and what it does not take back is here again',
  async (sql) => {
    const { ticket, job, call } = await asked(sql)
    expect(await said(sql, job, call.key, 'refused')).toBe(true)
    expect(await allotmentOf(sql, ticket)).toBeNull()

    await allotted(sql, ticket, 6)
    const giving = await queued(sql, ticket, 2)
    const { key } = await goOn(sql, giving)
    expect(await allotmentOf(sql, ticket)).toBe(2)
    expect(await said(sql, giving, key, 'refused')).toBe(true)
    expect(await said(sql, giving, key, 'refused')).toBe(false)
    expect(await allotmentOf(sql, ticket)).toBe(6)
  },
)

check('what is refused to one attempt says nothing of another one that has begun since', async (sql) => {
  const { ticket, job, call } = await asked(sql, { from: 6, to: 2 })
  await sql`update onsale.jobs set attempts = 2 where id = ${job}`
  expect(await said(sql, job, call.key, 'refused', { attempt: 1 })).toBe(false)
  expect(await allotmentOf(sql, ticket)).toBe(2)
  expect(await said(sql, job, call.key, 'made', { attempt: 1 })).toBe(true)
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'done', moved: -4 })
})

check('where the missing ones cannot be put back, the others are here all the same', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  await said(sql, job, call.key, 'made', { quantity: -3 })
  const back = await goOn(sql, job)
  await said(sql, job, back.key, 'refused')
  expect(await goOn(sql, job)).toMatchObject({ outcome: 'done', step: 'done', moved: 1, missing: 3 })
  expect(await allotmentOf(sql, ticket)).toBe(1)
})

check('a call that came to nothing is made under another key', async (sql) => {
  const { job, call } = await asked(sql)
  expect(await said(sql, job, call.key, 'void')).toBe(true)
  const again = await goOn(sql, job)
  expect(again).toEqual({ ...call, key: again.key })
  expect(again.key).not.toBe(call.key)
})

check('units taken without a look at what was left are not believed', async (sql) => {
  const { ticket, job, call } = await asked(sql)
  const state = await sqlStateOf(sql, async (sql) => await said(sql, job, call.key, 'made'))
  expect(state).toBe('23502')
  expect(await allotmentOf(sql, ticket)).toBeNull()
})

check('the level that tells of it confirms the job', async (sql) => {
  const { event, job, call } = await asked(sql)
  await said(sql, job, call.key, 'made', { quantity: 6 })
  await sql`
    update onsale.jobs set
      state = 'done', updated_at = '2026-11-01T12:07:00Z', result = jsonb_build_object('shopify_updated_at', '2026-11-01T12:07:00Z')
    where id = ${job}`
  const confirmed = () => sql`
    select c.job_id::integer as id from api.apply_job_confirmations(p_now => '2026-11-01T12:07:01Z') c`
  const told = (available: number, at: string) =>
    apply(sql, delivery('inventory_levels/update', level(available, { updated_at: `2026-11-01T${at}Z` })))
  // Of the same second, from before the change.
  await told(10, '12:06:59')
  expect([...(await confirmed())]).toEqual([])
  await told(6, '12:07:00')
  expect([...(await confirmed())]).toEqual([{ id: job }])
  expect(await shownEvent(sql, event)).toMatchObject({ capacity: 10, pending_changes: [] })
})

check('the level that tells of it changes no capacity in all, in whatever order it comes', async (sql) => {
  const { event, ticket, job, call } = await asked(sql)
  await said(sql, job, call.key, 'made', { quantity: 3 })
  // Until Shopify tells, its part is as it was.
  expect(await shownEvent(sql, event)).toMatchObject({ capacity: 14, pending_changes: [{ job_id: job }] })
  const time = (text: string) => ({ updated_at: `2026-11-01T${text}Z` })
  await expectAnyOrder(sql, [
    delivery(
      'orders/create',
      order({ at: '2026-11-01T12:00:00Z', lines: [{ id: 1, variant_id: 11, quantity: 3 }] }),
    ),
    delivery('inventory_levels/update', level(7, time('12:00:00'))),
    delivery('inventory_levels/update', level(3, time('12:07:00'))),
    delivery(
      'products/update',
      product({ ...time('12:07:01'), variants: [variant({ inventory_quantity: 3 })] }),
    ),
  ])
  await apply(
    sql,
    delivery('inventory_levels/update', level(3, time('12:07:00'))),
    delivery(
      'orders/create',
      order({ at: '2026-11-01T12:00:00Z', lines: [{ id: 1, variant_id: 11, quantity: 3 }] }),
    ),
    delivery('inventory_levels/update', level(7, time('12:00:00'))),
  )
  expect(await shownEvent(sql, event)).toMatchObject({
    capacity: 10,
    sold: 3,
    available: 7,
    tickets: [
      {
        id: ticket,
        channels: {
          shopify: { capacity: 6, sold: 3, available: 3 },
          direct: { capacity: 4, sold: 0, available: 4 },
        },
      },
    ],
  })
})
