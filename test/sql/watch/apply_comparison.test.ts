import { expect } from 'bun:test'
import { delivery, order, product } from '../../deliveries.ts'
import { addJob } from '../../jobs.ts'
import { at, compared, differences, placed } from '../../reconcile.ts'
import { applyAt, scratchTests } from '../../scratch.ts'
import { itemLines, orderLines, productLines } from '../../sync.ts'

const check = scratchTests()

const heard = (sql: Parameters<typeof applyAt>[0]) =>
  applyAt(sql, at('11:00:00'), [
    delivery('products/create', product({ updated_at: at('09:00:00') })),
    delivery(
      'orders/create',
      order({ at: at('11:00:00'), lines: [{ id: 5001, variant_id: 11, quantity: 1, current_quantity: 1 }] }),
    ),
  ])

check(
  'what changed in the shop long ago and was not told is lost, with what either side has',
  async (sql) => {
    await heard(sql)
    const { id } = await placed(sql, {
      products: productLines({ title: 'Rock Morning', updatedAt: at('11:30:00') }),
      inventory: itemLines(),
      orders: orderLines(),
    })
    await compared(sql, id)
    expect(await differences(sql)).toMatchObject([
      {
        what: 'product 1',
        cause: 'lost',
        topic: 'products/update',
        evidence: {
          there: { title: 'Rock Morning', updated_at: '2026-11-01T11:30:00.000Z' },
          here: { updated_at: '2026-11-01T09:00:00.000Z' },
        },
      },
      { what: 'item 1011', cause: 'lost', topic: 'inventory_items/update', evidence: { here: null } },
      { what: 'level 1011/1', cause: 'lost', topic: 'inventory_levels/update', evidence: { here: null } },
    ])
  },
)

check('what changed a moment ago is late: its webhook may still come', async (sql) => {
  await heard(sql)
  const lines = productLines({ title: 'Rock Morning', updatedAt: at('11:30:00') })
  const { id } = await placed(sql, { products: lines })
  await compared(sql, id, '11:39:59')
  expect(await differences(sql)).toMatchObject([{ cause: 'late' }])
  await compared(sql, id, '11:40:00')
  expect(await differences(sql)).toMatchObject([{ cause: 'lost' }])
})

check('what both have from the same second, and yet otherwise, is theirs', async (sql) => {
  await heard(sql)
  const { id } = await placed(sql, { orders: orderLines({ currentQuantity: 0 }) })
  await compared(sql, id)
  expect(await differences(sql)).toMatchObject([
    { what: 'order 500', cause: 'theirs', evidence: { there: { lines: { 5001: ['11', 1, 0] } } } },
  ])
})

check('what a write of ours is about is ours, until that has been unconfirmed for too long', async (sql) => {
  await heard(sql)
  const [event] = await sql`select event_id from onsale.shopify_products`
  const job = await addJob(sql, { kind: 'update_event', eventId: Number(event?.event_id) })
  const lines = productLines({ title: 'Rock Morning', updatedAt: at('11:30:00') })
  const { id } = await placed(sql, { products: lines })
  await compared(sql, id)
  expect(await differences(sql)).toMatchObject([{ cause: 'ours' }])
  await sql`update onsale.jobs set state = 'done', updated_at = ${at('12:20:01')} where id = ${job}`
  await compared(sql, id)
  expect(await differences(sql)).toMatchObject([{ cause: 'ours' }])
  await sql`update onsale.jobs set updated_at = ${at('12:19:59')} where id = ${job}`
  await compared(sql, id)
  expect(await differences(sql)).toMatchObject([{ cause: 'lost' }])
})

check('files are read piece by piece to their end', async (sql) => {
  const orders = [1, 2, 3].flatMap((id) => orderLines({ id }))
  const { id } = await placed(sql, { orders })
  const read = async (after: number) =>
    (
      await sql`select * from api.apply_comparison(${id}::bigint, 'orders', ${after}::bigint, 2, ${at('12:30:00')})`
    )[0]
  expect(await read(0)).toEqual({ last_line: '3', compared_count: 2 })
  expect(await read(3)).toEqual({ last_line: '5', compared_count: 1 })
  expect(await read(5)).toBeUndefined()
  expect(await differences(sql)).toHaveLength(3)
  const [row] = await sql`select compared_count::integer as count from onsale.reconciliations`
  expect(row?.count).toBe(3)
})
