import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, product } from '../../deliveries.ts'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

type Settings = {
  currency?: string
  tag?: string | null
  type?: string | null
  tests?: boolean
  hours?: number
}

function update(
  sql: Session,
  { currency = 'EUR', tag = null, type = null, tests = true, hours = 0 }: Settings,
) {
  return sql`select api.update_settings(${currency}, ${tag}, ${type}, ${tests}, ${hours})`
}

async function statuses(sql: Session) {
  const rows = await sql`select status, version from onsale.events order by shopify_product_id`
  return rows.map((row) => `${row.status} ${row.version}`)
}

const bare = (id: number, rest: Record<string, unknown>) =>
  delivery('products/create', product({ id, variants: [], ...rest }))

check('what the deployment decided is kept', async (sql) => {
  await update(sql, { currency: 'JPY', tag: 'ticket', type: 'concert', tests: false, hours: 48 })
  expect([...(await sql`select * from onsale.settings`)]).toEqual([
    {
      is_only: true,
      currency: 'JPY',
      event_tag: 'ticket',
      event_type: 'concert',
      is_connected: false,
      counts_test_orders: false,
      keep_bodies_hours: 48,
      uninstalled_at: null,
    },
  ])
})

check('a new tag is carried through the catalogue at once, and back', async (sql) => {
  await apply(
    sql,
    bare(1, { tags: 'a, Ticket' }),
    bare(2, { tags: 'a' }),
    bare(3, { tags: 'a', status: 'archived' }),
  )
  await update(sql, { tag: 'ticket' })
  expect(await statuses(sql)).toEqual(['active 1', 'archived 2', 'archived 1'])
  await update(sql, {})
  expect(await statuses(sql)).toEqual(['active 1', 'active 3', 'archived 1'])
})

check('a new type is carried through as well', async (sql) => {
  await apply(sql, bare(1, { product_type: 'Concert' }), bare(2, { product_type: 'Shirt', status: 'draft' }))
  await update(sql, { type: 'CONCERT' })
  expect(await statuses(sql)).toEqual(['active 1', 'archived 2'])
  await update(sql, { type: 'shirt' })
  expect(await statuses(sql)).toEqual(['archived 2', 'draft 3'])
})

check('the same again changes nothing', async (sql) => {
  await apply(sql, bare(1, {}))
  await update(sql, { tag: 'x' })
  const before = await sql`select xmin, ctid from onsale.settings`
  await update(sql, { tag: 'x' })
  expect([...(await sql`select xmin, ctid from onsale.settings`)]).toEqual([...before])
  expect(await statuses(sql)).toEqual(['archived 2'])
})

check('the currency cannot change under prices that are stored', async (sql) => {
  await update(sql, { currency: 'JPY' })
  await update(sql, { currency: 'EUR' })
  await apply(sql, bare(1, {}))
  expect(await sqlStateOf(sql, (sql) => update(sql, { currency: 'USD' }))).toBe('OS001')
  await update(sql, { currency: 'EUR', tag: 'x' })
  expect(await statuses(sql)).toEqual(['archived 2'])
})

check('a currency that is none, and hours below nought, are refused', async (sql) => {
  expect(await sqlStateOf(sql, (sql) => update(sql, { currency: 'euro' }))).toBe('23514')
  expect(await sqlStateOf(sql, (sql) => update(sql, { hours: -1 }))).toBe('23514')
})
