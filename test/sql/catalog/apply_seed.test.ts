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

/** Foreign keys that do not hold, by name: looked up one by one, because the server was told not to. */
async function orphansOf(sql: TransactionSql): Promise<string[]> {
  const keys = await sql<{ name: string; child: string; parent: string; pairs: string }[]>`
    select k.conname as name, k.conrelid::regclass::text as child, k.confrelid::regclass::text as parent,
      (
        select string_agg(format('p.%I = c.%I', f.attname, a.attname), ' and ')
        from unnest(k.conkey, k.confkey) as u (child_column, parent_column)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.child_column
        join pg_attribute f on f.attrelid = k.confrelid and f.attnum = u.parent_column
      ) as pairs
    from pg_constraint k
    where k.contype = 'f' and k.connamespace = 'onsale'::regnamespace`
  expect(keys.length).toBeGreaterThan(2)
  const broken: string[] = []
  for (const { name, child, parent, pairs } of keys) {
    const orphans = await sql.unsafe(
      `select from ${child} c where not exists (select from ${parent} p where ${pairs}) limit 1`,
    )
    if (orphans.length > 0) broken.push(name)
  }
  return broken
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

check(
  'some run now and some are sold out, with one ticket and with several, and by number they are known',
  async (sql) => {
    await seed(sql, 1, 1000)
    const rows = await sql<{ number: number; runs: boolean; sold_out: number; tickets: number }[]>`
    select (e.shopify_product_id - 9000000000000)::integer as number,
      coalesce(e.starts_at <= ${now}::text::timestamptz and e.ends_at > ${now}::text::timestamptz, false) as runs,
      (count(*) filter (where s.available = 0))::integer as sold_out, count(*)::integer as tickets
    from onsale.events e
    join onsale.stock s on s.event_id = e.id
    where e.status = 'active'
    group by e.id`
    const numbers = rows.filter(({ runs }) => runs).map(({ number }) => number)
    expect(numbers).toContain(1)
    expect(numbers).toContain(500)

    const soldOut = rows.filter(({ sold_out, tickets }) => sold_out === tickets)
    expect(soldOut.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(everyFiftieth(50))
    const partly = rows.filter(({ sold_out, tickets }) => sold_out > 0 && sold_out < tickets)
    expect(partly.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(everyFiftieth(25))
    expect(new Set(soldOut.map(({ tickets }) => tickets)).size).toBeGreaterThan(2)

    function everyFiftieth(first: number): number[] {
      return Array.from({ length: 20 }, (_, nth) => first + nth * 50)
    }
  },
)

check(
  'whoever may turn triggers off makes the same as who may not, and nothing that they would refuse',
  async (sql) => {
    const made = async (sql: TransactionSql) => {
      await seed(sql, 1, 300)
      const words = await sql`select w.word from onsale.search_words w order by w.word`
      return { events: [...(await cardsOf(sql))], words: words.map(({ word }) => word as string) }
    }
    const checked = await undone(sql, async (sql) => {
      await sql`set local role onsale_owner`
      const result = await made(sql)
      expect(await orphansOf(sql)).toEqual([])
      await sql`reset role`
      return result
    })
    expect(await made(sql)).toEqual(checked)
    expect(await orphansOf(sql)).toEqual([])
  },
)

check('no word of an event is missing among the words of searches', async (sql) => {
  await seed(sql, 1, 2000)
  const missing = await sql`
    select distinct u.word
    from onsale.events e
    cross join unnest(tsvector_to_array(e.search)) as u (word)
    where not exists (select from onsale.search_words w where w.word = u.word collate "C")`
  expect([...missing]).toEqual([])
})

check('triggers are off for its own rows alone', async (sql) => {
  await seed(sql, 1, 10)
  const orphan = (sql: TransactionSql) =>
    sql`insert into onsale.tickets (event_id, price_cents) values (-1, 100)`
  expect(await sqlStateOf(sql, orphan)).toBe('23503')
})

check('ids go on where they were, so that the next event of a shop has one of its own', async (sql) => {
  await seed(sql, 1, 10)
  const [row] = await sql`
    select (select max(id) from onsale.events) < nextval('onsale.events_id_seq') as events,
      (select max(id) from onsale.tickets) < nextval('onsale.tickets_id_seq') as tickets`
  expect(row).toEqual({ events: true, tickets: true })
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
