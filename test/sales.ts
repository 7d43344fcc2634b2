import type { Session } from '../src/platform/database.ts'

/** Writes somebody who can buy; returns his id. */
export async function addUser(sql: Session, email = `${crypto.randomUUID()}@example.com`): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into onsale.users (email, password_hash) values (${email}, 'none') returning id::integer`
  return row!.id
}

/**
 * Writes the orders that the counters of the direct channel tell of, for tests that set the counters by hand: one of all
 * that is sold and one of all that is held, of each ticket that nobody else has ordered. Another call begins anew.
 */
export async function backCounters(sql: Session): Promise<void> {
  const email = 'counted@example.com'
  const [known] = await sql<{ id: number }[]>`select id::integer from onsale.users where email = ${email}`
  const userId = known?.id ?? (await addUser(sql, email))
  const his = sql`(event_id, order_id) in (select o.event_id, o.id from onsale.orders o where o.user_id = ${userId})`
  await sql`delete from onsale.ticket_units where ${his}`
  await sql`delete from onsale.order_items where ${his}`
  await sql`delete from onsale.orders where user_id = ${userId}`
  await sql`delete from onsale.user_event_quota where user_id = ${userId}`
  await sql`
    with counted as (
      select
        s.event_id, s.ticket_id, n.status::onsale.sale_status, n.quantity::integer, e.currency, t.price_cents,
        coalesce(t.name, e.title) as name
      from onsale.stock s
      cross join lateral (values ('PAID', s.sold), ('PENDING', s.held)) as n (status, quantity)
      join onsale.tickets t on t.id = s.ticket_id
      join onsale.events e on e.id = s.event_id
      where s.channel = 'direct' and n.quantity > 0
        and not exists (select from onsale.order_items i where i.event_id = s.event_id and i.ticket_id = s.ticket_id)
    ), placed as (
      insert into onsale.orders (
        event_id, user_id, client_token, fingerprint, status, unit_count, total_cents, currency, expires_at, created_at,
        updated_at
      )
      select
        c.event_id, ${userId}, c.ticket_id || c.status::text, gen_random_uuid(), c.status, c.quantity,
        c.quantity * c.price_cents, c.currency, '2099-01-01', now(), now()
      from counted c
      returning event_id, id, client_token
    ), items as (
      insert into onsale.order_items (event_id, order_id, ticket_id, quantity, price_cents, name)
      select p.event_id, p.id, c.ticket_id, c.quantity, c.price_cents, c.name
      from placed p
      join counted c on c.event_id = p.event_id and c.ticket_id || c.status::text = p.client_token
    ), codes as (
      insert into onsale.ticket_units (event_id, order_id, ticket_id, nth)
      select p.event_id, p.id, c.ticket_id, k.nth
      from placed p
      join counted c on c.event_id = p.event_id and c.ticket_id || c.status::text = p.client_token
      cross join lateral generate_series(1, c.quantity) as k (nth)
      where c.status = 'PAID'
    )
    insert into onsale.user_event_quota (event_id, user_id, unit_count)
    select c.event_id, ${userId}, sum(c.quantity) from counted c group by c.event_id`
}

/** A request to place_orders. `items`: ticket and quantity. */
export type TestRequest = { user: number; token?: string; items: [ticket: number, quantity: number][] }

export type Placed = {
  outcome: string
  body: Record<string, unknown> & {
    id: number
    status: string
    version: number
    units: { code: string }[] | null
  }
  detail: Record<string, number> | null
}

/** Places a batch of one event; one answer per request, in order. */
export async function place(
  sql: Session,
  eventId: number,
  requests: readonly TestRequest[],
  { now = '2026-11-01T12:00:00Z', holdS = 600 } = {},
): Promise<Placed[]> {
  const items = requests.flatMap(({ items }, nth) =>
    items.map(([ticket, quantity]) => ({ nth: nth + 1, ticket, quantity })),
  )
  const list = (values: readonly (string | number)[]) =>
    `{${values.map((value) => JSON.stringify(value)).join(',')}}`
  const rows = await sql<Placed[]>`
    select r.outcome, r.body, r.detail
    from api.place_orders(
      p_event_id => ${eventId}::bigint,
      p_user_ids => ${list(requests.map(({ user }) => user))}::text::bigint[],
      p_client_tokens => ${list(requests.map(({ token }) => token ?? crypto.randomUUID()))}::text::text[],
      p_item_requests => ${list(items.map(({ nth }) => nth))}::text::integer[],
      p_item_ticket_ids => ${list(items.map(({ ticket }) => ticket))}::text::bigint[],
      p_item_quantities => ${list(items.map(({ quantity }) => quantity))}::text::integer[],
      p_hold_seconds => ${holdS}::integer,
      p_now => ${now}::text::timestamptz
    ) r
    order by r.ordinal`
  return [...rows]
}

/** Counters of the direct channel by ticket: [held, sold, available]. */
export async function countersOf(sql: Session, eventId: number): Promise<Record<number, (number | null)[]>> {
  const rows = await sql<{ ticket_id: number; counts: (number | null)[] }[]>`
    select ticket_id::integer, array[held, sold, available]::integer[] as counts
    from onsale.stock where event_id = ${eventId} and channel = 'direct' order by ticket_id`
  return Object.fromEntries(rows.map(({ ticket_id, counts }) => [ticket_id, counts]))
}

/** Ids of an event's tickets, in the order in which they were added. */
export async function ticketsOf(sql: Session, eventId: number): Promise<number[]> {
  const rows = await sql<
    { id: number }[]
  >`select id::integer from onsale.tickets where event_id = ${eventId} order by id`
  return rows.map(({ id }) => id)
}

/** Asks for another status of orders; one answer per request, in order. `user`: null is anybody's. */
export async function change(
  sql: Session,
  eventId: number,
  requests: readonly { order: number; status: string; user?: number | null; version?: number | null }[],
  { actor = 'buyer', now = '2026-11-01T12:05:00Z' } = {},
): Promise<{ outcome: string; body: Placed['body'] | null }[]> {
  const list = (values: readonly (string | number | null)[]) =>
    `{${values.map((value) => value ?? 'null').join(',')}}`
  const rows = await sql<{ outcome: string; body: Placed['body'] | null }[]>`
    select r.outcome, r.body
    from api.update_order_statuses(
      p_event_id => ${eventId}::bigint,
      p_order_ids => ${list(requests.map(({ order }) => order))}::text::bigint[],
      p_user_ids => ${list(requests.map(({ user }) => user ?? null))}::text::bigint[],
      p_statuses => ${list(requests.map(({ status }) => status))}::text::text[],
      p_versions => ${list(requests.map(({ version }) => version ?? null))}::text::integer[],
      p_actor => ${actor}::text,
      p_actor_name => ${`${actor} test`}::text,
      p_now => ${now}::text::timestamptz
    ) r
    order by r.ordinal`
  return [...rows]
}
