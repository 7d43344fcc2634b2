import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { delivery, order } from '../../deliveries.ts'
import { applyAt, scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function state(sql: Session) {
  const [row] = await sql`
    select waiting_count::integer as waiting, dead_count::integer as dead, uninstalled_at from api.get_intake_state()`
  return row
}
const uninstalled = (at?: string) =>
  delivery('app/uninstalled', { id: 1, updated_at: '2020-01-01T00:00:00Z' }, at === undefined ? {} : { at })

check('nothing has failed, the app is installed', async (sql) => {
  expect(await state(sql)).toEqual({ waiting: 0, dead: 0, uninstalled_at: null })
})

check('waiting and dead are counted apart', async (sql) => {
  const bad = (id: string) => delivery('orders/create', { id: 1 }, { id })
  await applyAt(sql, '2026-11-01T10:00:00Z', [bad('a'), bad('b'), bad('c')])
  for (let nth = 0; nth < 3; nth++) await applyAt(sql, '2026-11-01T10:00:00Z', [bad('a')])
  expect(await state(sql)).toMatchObject({ waiting: 2, dead: 1 })
})

check('an uninstalled app is dated by the trigger, not by the last edit of the shop', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:01Z', [uninstalled('2026-11-01T10:00:00.5Z')])
  expect((await state(sql))?.uninstalled_at).toEqual(new Date('2026-11-01T10:00:00.500Z'))
})

check('where nothing dates it, it is dated by when it came', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:01Z', [uninstalled()])
  expect((await state(sql))?.uninstalled_at).toEqual(new Date('2026-11-01T10:00:01Z'))
})

check(
  'deliveries that Shopify still repeats do not mean that the app is back, later ones do',
  async (sql) => {
    await applyAt(sql, '2026-11-01T10:00:01Z', [uninstalled('2026-11-01T10:00:00Z')])
    await applyAt(sql, '2026-11-01T13:59:00Z', [delivery('orders/create', order())])
    expect((await state(sql))?.uninstalled_at).not.toBeNull()
    await applyAt(sql, '2026-11-01T14:01:00Z', [delivery('orders/create', order({ id: 501 }))])
    expect((await state(sql))?.uninstalled_at).toBeNull()
  },
)

check('what privacy asks of an app that is gone does not mean that it is back', async (sql) => {
  await applyAt(sql, '2026-11-01T10:00:01Z', [uninstalled('2026-11-01T10:00:00Z')])
  await applyAt(sql, '2026-11-03T10:00:00Z', [
    delivery('shop/redact', { shop_id: 1 }),
    delivery('customers/redact', { customer: { id: 1 }, orders_to_redact: [] }),
    delivery('customers/data_request', { customer: { id: 1 } }),
  ])
  expect((await state(sql))?.uninstalled_at).not.toBeNull()
})
