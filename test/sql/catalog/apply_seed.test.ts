import { expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { testDatabase } from '../../harness.ts'
import { scratchTests, sqlStateOf, undone } from '../../scratch.ts'

const check = scratchTests()

const now = '2026-11-01T10:00:00Z'

async function seed(sql: TransactionSql, first: number, count: number): Promise<number> {
  const [row] = await sql<{ made: number }[]>`
    select api.apply_seed(
      p_first => ${first}, p_count => ${count}, p_shop => 'seed.myshopify.com', p_now => ${now}::text::timestamptz
    )::integer as made`
  return row!.made
}

/** Events as a visitor sees them, without what every insert numbers and dates anew. */
function cardsOf(sql: TransactionSql) {
  return sql`
    select to_jsonb(c) - '{id,updated_at}'::text[] as card
    from onsale.events e
    cross join api.list_event_cards(array[e.id]) c
    order by e.shopify_product_id`
}

check('made-up events are of every kind that a shop has', async (sql) => {
  expect(await seed(sql, 1, 400)).toBe(400)
  const [kinds] = await sql`
    select
      count(distinct e.status)::integer as statuses, count(distinct e.category) > 10 as has_categories,
      count(*) filter (where e.starts_at is null) > 0 as has_undated,
      count(*) filter (where e.over_at < ${now}::text::timestamptz) > 0 as has_ended,
      bool_or(e.ends_at > e.starts_at + interval '1 day') as has_long,
      min(t.tickets)::integer as tickets_min, max(t.tickets)::integer as tickets_max
    from onsale.events e
    cross join lateral (select count(*) as tickets from onsale.tickets t where t.event_id = e.id) t`
  expect(kinds).toEqual({
    statuses: 4,
    has_categories: true,
    has_undated: true,
    has_ended: true,
    has_long: true,
    tickets_min: 1,
    tickets_max: 4,
  })
  const [stock] = await sql`
    select bool_and(s.available >= 0) as is_sane,
      bool_or(s.sold > 0 and s.available > 0) as has_sales
    from onsale.stock s`
  expect(stock).toEqual({ is_sane: true, has_sales: true })
})

check('the same number makes the same event, however many are made at once', async (sql) => {
  const atOnce = await undone(sql, async (sql) => {
    await seed(sql, 1, 40)
    return [...(await cardsOf(sql))]
  })
  await seed(sql, 21, 20)
  await seed(sql, 1, 20)
  expect([...(await cardsOf(sql))]).toEqual(atOnce)
})

check('the same numbers a second time are refused', async (sql) => {
  await seed(sql, 1, 10)
  expect(await sqlStateOf(sql, (sql) => seed(sql, 10, 10))).toBe('23505')
})

check('none is a number too', async (sql) => {
  expect(await seed(sql, 1, 0)).toBe(0)
})

test('the service may not fill the mirror', async () => {
  const database = await testDatabase()
  try {
    const refusal = await database.service`
      select api.apply_seed(p_first => 1, p_count => 1, p_shop => 'seed.myshopify.com')`.catch(
      (error) => error,
    )
    expect(refusal.code).toBe('42501')
  } finally {
    await database.drop()
  }
}, 20_000)
