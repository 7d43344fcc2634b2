import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'

// How PostgreSQL goes about the reads, on tables that are large enough for wrong ways to be taken. auto_explain tells
// the plans of the statements inside the functions.

let database: TestDatabase
let sql: postgres.Sql
const notices: string[] = []

const eventCount = 26_000

beforeAll(async () => {
  database = await testDatabase()
  // Only a connection of its own hears the plans.
  sql = postgres(database.adminUrl, { max: 1, onnotice: (notice) => void notices.push(notice.message ?? '') })
  for (let first = 1; first <= eventCount; first += 6_500) {
    await sql`select api.apply_seed(p_first => ${first}::bigint, p_count => 6500, p_shop => 'seed.myshopify.com')`
  }
  // A shop's past: far more events than those that are still to come must cost nothing.
  await sql`
    update onsale.events set starts_at = starts_at - interval '700 days', ends_at = ends_at - interval '700 days'
    where id % 2 = 0`
  // As many words as a large shop has.
  await sql`insert into onsale.search_words select md5(n::text) from generate_series(1, 50000) as n`
  let taken: number
  do {
    const [row] = await sql<{ taken: number }[]>`select api.apply_search_changes() as taken`
    taken = row!.taken
  } while (taken > 0)
  await sql.unsafe(
    `vacuum (analyze) onsale.events, onsale.tickets, onsale.stock, onsale.event_revisions, onsale.search_words,
      onsale.search_blocks, onsale.search_bitmaps, onsale.search_slots, onsale.search_changes`,
  )
  await sql.unsafe(`load 'auto_explain'`)
  await sql.unsafe('set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on')
  await sql.unsafe('set client_min_messages = log')
}, 120_000)
afterAll(async () => {
  await sql.end()
  await expectVerified(database.admin)
  await database.drop()
}, 60_000)

/** The plans of a call, those of the statements inside it included, and how many pages it looked at. */
async function planOf(call: string): Promise<{ plans: string; pages: number }> {
  // Functions keep plans after some calls: the sixth is as good as the first.
  for (let round = 0; round < 5; round++) await sql.unsafe(`select ${call}`)
  notices.length = 0
  await sql.unsafe(`select ${call}`)
  const plans = notices.join('\n')
  const [explained] = await sql.unsafe(`explain (analyze, buffers, format json) select ${call}`)
  const plan = explained!['QUERY PLAN'][0].Plan
  return { plans, pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] }
}

const lists: Record<string, { call: string; index: string; pagesMax: number }> = {
  'the first page': {
    call: `api.list_events('starts_at', p_offset => 0)`,
    index: 'search_slots_from_at_slot',
    pagesMax: 900,
  },
  'a page by cursor': {
    call: `api.list_events('starts_at', p_after_key => (extract(epoch from now() + interval '90 days') * 1000000)::bigint::text, p_after_id => 1)`,
    index: 'events_public_by_start',
    pagesMax: 500,
  },
  'a page by cursor, from the end': {
    call: `api.list_events('-starts_at', p_after_key => (extract(epoch from now() + interval '90 days') * 1000000)::bigint::text, p_after_id => 1)`,
    index: 'events_public_by_start',
    pagesMax: 500,
  },
  'a page of a category by cursor': {
    call: `api.list_events('starts_at', p_category => 'musical', p_after_key => (extract(epoch from now() + interval '90 days') * 1000000)::bigint::text, p_after_id => 1)`,
    index: 'events_public_by_category',
    pagesMax: 500,
  },
  'the last page, from the end': {
    call: `api.list_events('-starts_at', p_offset => 0)`,
    index: 'search_slots_from_at_slot',
    pagesMax: 900,
  },
  'a page of a category': {
    call: `api.list_events('starts_at', p_category => 'musical', p_offset => 0)`,
    index: 'search_bitmaps_pkey',
    pagesMax: 800,
  },
  'a page far behind': {
    call: `api.list_events('starts_at', p_offset => 9900)`,
    index: 'search_slots_from_at_slot',
    pagesMax: 900,
  },
  'a page of a month': {
    call: `api.list_events('starts_at', p_from => now() + interval '60 days', p_to => now() + interval '90 days', p_offset => 0)`,
    index: 'search_slots_from_at_slot',
    pagesMax: 600,
  },
  'titles of all': {
    call: `api.list_events('title', p_offset => 0)`,
    index: 'events_public_by_title',
    pagesMax: 900,
  },
  'titles of a day': {
    call: `api.list_events('title', p_from => now() + interval '60 days', p_to => now() + interval '61 days', p_offset => 0)`,
    index: 'search_slots_from_at_slot',
    pagesMax: 700,
  },
}

describe('lists', () => {
  for (const [name, { call, index, pagesMax }] of Object.entries(lists)) {
    test(`${name}: by its index, a bounded number of pages`, async () => {
      const { plans, pages } = await planOf(call)
      expect(plans).toContain(index)
      expect(plans).not.toContain('Seq Scan on events')
      expect(pages).toBeLessThan(pagesMax)
    }, 30_000)
  }

  test('what runs now comes from the range index, when an event ends from the index by end', async () => {
    const { plans } = await planOf(lists['the first page']!.call)
    expect(plans).toContain('events_public_running')
    expect(plans).toContain('events_public_by_end')
  })
})

describe('events', () => {
  test('an event by either id, its tickets and availability look at a few pages by their keys', async () => {
    for (const call of [
      'api.get_event(p_event_id => 777)',
      'api.get_event(p_shopify_product_id => 9000000000777)',
      'api.list_event_tickets(p_event_id => 777)',
      'api.get_availability(array[777])',
    ]) {
      const { plans, pages } = await planOf(call)
      expect(plans).not.toMatch(/Seq Scan on (events|tickets|stock|event_revisions)/)
      expect([call, pages < 120]).toEqual([call, true])
    }
  }, 30_000)

  test('availability of a hundred events is one pass', async () => {
    const { plans, pages } = await planOf(
      'api.get_availability(array(select n::bigint from generate_series(1, 100) n))',
    )
    expect(plans).not.toMatch(/Seq Scan on (events|tickets|stock)/)
    expect(pages).toBeLessThan(3_000)
  }, 30_000)
})

describe('orders', () => {
  test('the tickets of an order are looked up by its keys', async () => {
    const { plans, pages } = await planOf('api.get_order_tickets(777, 1, 25)')
    expect(plans).toContain('orders_id')
    expect(plans).toContain('ticket_units_pkey')
    expect(plans).toContain('order_items_pkey')
    expect(plans).not.toMatch(/Seq Scan on (orders|ticket_units|order_items|events)/)
    expect(pages).toBeLessThan(60)
  }, 30_000)
})

describe('jobs', () => {
  test('what is pending and what is to be confirmed is looked up among what is open', async () => {
    await sql`
      insert into onsale.jobs (
        kind, subject, request, event_id, state, result, next_attempt_at, created_by, created_at, updated_at, confirmed_at
      )
      select
        'update_event', 'event ' || n % 100 + 1, '{}', n % 100 + 1, 'done', '{}', now(), 'test', now(), now(),
        case when n > 20 then now() end
      from generate_series(1, 20000) n`
    await sql.unsafe('vacuum (analyze) onsale.jobs')
    const confirming = await planOf('count(*) from api.apply_job_confirmations()')
    expect(confirming.plans).toContain('jobs_unconfirmed')
    expect(confirming.plans).not.toContain('Seq Scan')
    expect(confirming.pages).toBeLessThan(60)
    const { plans } = await planOf('api.get_event(p_event_id => 77)')
    expect(plans).toContain('jobs_pending_event')
  }, 30_000)
})

describe('search', () => {
  test('hits come from the bitmaps of their words, a block or more at once', async () => {
    for (const [search, sort] of [
      ['velv fox ber', 'relevance'],
      ['the', 'starts_at'],
      ['velvet', '-starts_at'],
    ]) {
      const { plans, pages } = await planOf(`api.search_events('${search}', '${sort}', p_offset => 0)`)
      expect(plans).toContain('search_words_pkey')
      expect(plans).toContain('search_bitmaps_pkey')
      expect(plans).toContain('search_slots_from_at_slot')
      expect(plans).not.toContain('search_bitmaps_from_at')
      expect(plans).not.toContain('JIT')
      expect(plans).not.toMatch(/Seq Scan on (events|search_bitmaps|search_slots|search_words)/)
      expect([search, pages < 2_000]).toEqual([search, true])
    }
  }, 30_000)

  test('the rows that are ranked are asked for together', async () => {
    const { plans } = await planOf(`api.search_events('velvet', 'relevance', p_offset => 0)`)
    expect(plans).toContain('Bitmap Heap Scan on events')
  }, 30_000)

  test('by title they are met along the titles where they are many', async () => {
    const { plans } = await planOf(`api.search_events('the', 'title', p_offset => 0)`)
    expect(plans).toContain('events_public_by_title')
    expect(plans).not.toContain('Seq Scan on events')
  }, 30_000)

  test('typos are looked up among words, not among events', async () => {
    const { plans } = await planOf(`api.search_events('velvt foxs', 'relevance', p_offset => 0)`)
    expect(plans).toContain('search_words_by_trigram')
    expect(plans).not.toContain('Seq Scan on events')
  }, 30_000)

  test('plans that statistics of empty tables would mislead are the same', async () => {
    await sql`update pg_class set reltuples = 0, relpages = 0 where relname like 'search_%' and relkind = 'r'`
    const { plans } = await planOf(`api.search_events('velvet berlin', 'starts_at', p_offset => 0)`)
    expect(plans).toContain('search_bitmaps_pkey')
    expect(plans).not.toMatch(/Seq Scan on (events|search_bitmaps|search_slots)/)
    await sql.unsafe(
      'analyze onsale.search_blocks, onsale.search_bitmaps, onsale.search_slots, onsale.search_changes',
    )
  }, 30_000)
})
