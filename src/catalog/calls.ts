import { searchChangesEveryMs } from '../limits.ts'
import type { Loaded } from '../platform/cache.ts'
import { type Sql, textArray } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'
import { type Clock, changesChannel, heartbeatChannel } from '../platform/notify.ts'

/** Our id or Shopify's, digits; exactly one of them is given. */
export type EventName = { eventId: string; productId: null } | { eventId: null; productId: string }

/** A page of a list, checked: what the functions take. */
export type ListQuery = {
  search: string | null
  sort: Sort
  category: string | null
  /** Instants as text, so that microseconds survive. */
  from: string | null
  to: string | null
  limit: number
  /** Null: go on after the position. */
  offset: number | null
  after: { key: string; id: number } | null
}

/** Every status of an event, in Shopify's spelling. */
export const eventStatuses = ['draft', 'active', 'archived', 'unlisted'] as const
export type EventStatus = (typeof eventStatuses)[number]

export const sorts = ['starts_at', '-starts_at', 'title', 'relevance'] as const
export type Sort = (typeof sorts)[number]

/** The SQL functions of the catalog; each call is timed under its function's name. */
export function createCatalogCalls(metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /** An event with its tickets; no bytes: not to be seen. */
    getEvent: (sql: Sql, { eventId, productId }: EventName): Promise<Loaded> =>
      timed('get_event', async () =>
        loadedOf(
          await sql<Row[]>`
            select
              r.body::text, array_to_string(r.event_ids, ' ') as event_ids,
              array_to_string(r.revisions, ' ') as revisions, r.catalogue_revision, r.as_of
            from api.get_event(
              p_event_id => ${eventId}::bigint,
              p_shopify_product_id => ${productId}::bigint
            ) r`,
        ),
      ),

    /** The tickets of an event; no bytes: no such event to be seen. */
    listEventTickets: (sql: Sql, { eventId, productId }: EventName): Promise<Loaded> =>
      timed('list_event_tickets', async () =>
        loadedOf(
          await sql<Row[]>`
            select
              r.body::text, array_to_string(r.event_ids, ' ') as event_ids,
              array_to_string(r.revisions, ' ') as revisions, r.catalogue_revision, r.as_of
            from api.list_event_tickets(
              p_event_id => ${eventId}::bigint,
              p_shopify_product_id => ${productId}::bigint
            ) r`,
        ),
      ),

    /** A page of public events. */
    listEvents: (sql: Sql, query: ListQuery): Promise<Loaded> =>
      timed('list_events', async () =>
        loadedOf(
          await sql<Row[]>`
            select
              r.body::text, array_to_string(r.event_ids, ' ') as event_ids,
              array_to_string(r.revisions, ' ') as revisions, r.catalogue_revision, r.as_of, r.expires_at
            from api.list_events(
              p_sort => ${query.sort}::text,
              p_category => ${query.category}::text,
              p_from => ${query.from}::text::timestamptz,
              p_to => ${query.to}::text::timestamptz,
              p_limit => ${query.limit}::integer,
              p_offset => ${query.offset}::integer,
              p_after_key => ${query.after?.key ?? null}::text,
              p_after_id => ${query.after?.id ?? null}::bigint
            ) r`,
        ),
      ),

    /** A page of public events that match `query.search`. */
    searchEvents: (sql: Sql, query: ListQuery): Promise<Loaded> =>
      timed('search_events', async () =>
        loadedOf(
          await sql<Row[]>`
            select
              r.body::text, array_to_string(r.event_ids, ' ') as event_ids,
              array_to_string(r.revisions, ' ') as revisions, r.catalogue_revision, r.as_of, r.expires_at
            from api.search_events(
              p_search => ${query.search}::text,
              p_sort => ${query.sort}::text,
              p_category => ${query.category}::text,
              p_from => ${query.from}::text::timestamptz,
              p_to => ${query.to}::text::timestamptz,
              p_limit => ${query.limit}::integer,
              p_offset => ${query.offset}::integer,
              p_after_key => ${query.after?.key ?? null}::text,
              p_after_id => ${query.after?.id ?? null}::bigint
            ) r`,
        ),
      ),

    /** What is left right now: one JSON text per event, in order; null: no such event to be seen. */
    getAvailability: (sql: Sql, names: readonly EventName[]): Promise<(string | null)[]> =>
      timed('get_availability', async () => {
        const rows = await sql<{ body: string | null }[]>`
          select r.body::text
          from api.get_availability(
            p_event_ids => ${textArray(names.map((name) => name.eventId))}::text[]::bigint[],
            p_shopify_product_ids => ${textArray(names.map((name) => name.productId))}::text[]::bigint[]
          ) r
          order by r.ordinal`
        return rows.map(({ body }) => body)
      }),

    /**
     * Takes the edits of one block of events into the bitmaps of search, where there are so many; returns of how many, null
     * where another call is at it.
     */
    applySearchChanges: (sql: Sql, { changesMin }: { changesMin: number }): Promise<number | null> =>
      timed('apply_search_changes', async () => {
        const [row] = await sql<{ taken: number | null }[]>`
          select api.apply_search_changes(p_changes_min => ${changesMin}::integer) as taken`
        return row!.taken
      }),

    /** The database's clock, and what is the newest edit. */
    getClock: async (sql: Sql): Promise<Clock> => {
      const [row] = await sql<{ now: Date; catalogue_revision: string; database_id: string }[]>`
        select r.now, r.catalogue_revision, r.database_id from api.get_clock() r`
      return {
        nowMs: row!.now.getTime(),
        catalogueRevision: Number(row!.catalogue_revision),
        databaseId: row!.database_id,
      }
    },

    /** Hears both channels on the connection of `sql` from now on. */
    listen: (sql: Sql) => sql.unsafe(`listen ${changesChannel}; listen ${heartbeatChannel}`),
  }
}

/** Made-up events, for the owner's login alone (`bun run seed`). */
export const seedCalls = {
  /**
   * Inserts `count` events numbered from `first`. Its commit does not wait for the disk, so a crash of the server may
   * take back the newest calls, each as a whole; `completeSeed` waits for all of them.
   */
  applySeed: async (sql: Sql, { first, count, shop }: { first: number; count: number; shop: string }) => {
    await sql.begin(async (transaction) => {
      await transaction`set local synchronous_commit = off`
      await transaction`
        select api.apply_seed(
          p_first => ${first}::bigint, p_count => ${count}::integer, p_shop => ${shop}::text
        )`
    })
  },

  /** How many events there are of the shop, the highest number among them, and how many are of others. */
  getSeedState: async (
    sql: Sql,
    shop: string,
  ): Promise<{ seeded: number; last: number; foreign: number }> => {
    const [row] = await sql<{ seeded: number; last: number; foreign: number }[]>`
      select r.seeded_count::float8 as seeded, r.last_number::float8 as last, r.foreign_count::float8 as foreign
      from api.get_seed_state(p_shop => ${shop}::text) r`
    return row!
  },

  /** Tells every process that everything changed, and the planner what is there; then makes the bitmaps of search. */
  completeSeed: async (sql: Sql) => {
    await sql`select api.complete_seed()`
    // Two halves of about the same size, at once.
    const halves = [
      'onsale.events, onsale.event_revisions, onsale.shopify_products, onsale.search_words',
      'onsale.tickets, onsale.stock, onsale.shopify_variants, onsale.inventory_items, onsale.inventory_levels, onsale.shopify_orders, onsale.shopify_order_lines',
    ]
    await Promise.all(halves.map((tables) => sql.unsafe(`vacuum (analyze) ${tables}`)))
    for (let taken: number | null = null; taken !== 0; ) {
      const [row] = await sql<{ taken: number | null }[]>`select api.apply_search_changes() as taken`
      taken = row!.taken
      // A server that runs beside this takes them in as well.
      if (taken === null) await Bun.sleep(searchChangesEveryMs)
    }
    await sql.unsafe(
      'vacuum (analyze) onsale.search_blocks, onsale.search_bitmaps, onsale.search_slots, onsale.search_changes',
    )
  },
}

type Row = {
  body: string | null
  event_ids: string
  revisions: string
  catalogue_revision: string
  as_of: Date
  expires_at?: Date | null
}

function loadedOf([row]: Row[]): Loaded {
  const { body, event_ids, revisions, catalogue_revision, as_of, expires_at } = row!
  return {
    bytes: body === null ? null : utf8.encode(body),
    eventIds: numbersOf(event_ids),
    revisions: numbersOf(revisions),
    catalogueRevision: Number(catalogue_revision),
    asOfMs: as_of.getTime(),
    expiresAtMs: expires_at?.getTime() ?? null,
  }
}

function numbersOf(list: string): number[] {
  return list === '' ? [] : list.split(' ').map(Number)
}

const utf8 = new TextEncoder()
