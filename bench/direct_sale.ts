// An event of the direct channel on sale, and users who may log in, for the scenarios that need them. Called by the runner
// only; k6 reads past it.

import type { Bench } from './scenario.ts'

export type DirectSale = {
  eventId: number
  ticketId: number
  /** Users are numbered without gaps. */
  firstUserId: number
  userCount: number
}

/**
 * An event without scarcity, whose limit is checked and never reached, and users. `passwordHash`: what they log in by; by
 * default nobody can, and tokens are signed without a login.
 */
export async function putOnDirectSale(
  { sql }: Pick<Bench, 'sql'>,
  {
    userCount,
    priceCents = 0,
    passwordHash = 'none',
  }: { userCount: number; priceCents?: number; passwordHash?: string },
): Promise<DirectSale> {
  if (sql === null) throw new Error('This needs the database')
  const [row] = await sql<Omit<DirectSale, 'userCount'>[]>`
    with event as (
      insert into onsale.events (title, status, starts_at, currency, per_user_limit)
      values ('On sale', 'active', now() + interval '1 year', 'EUR', 1000000)
      returning id
    ), revision as (
      insert into onsale.event_revisions (event_id, revision) select e.id, 1 from event e
    ), ticket as (
      insert into onsale.tickets (event_id, name, price_cents)
      select e.id, 'General', ${priceCents}::bigint from event e
      returning id, event_id
    ), stock as (
      insert into onsale.stock (event_id, ticket_id, channel, capacity)
      select t.event_id, t.id, 'direct', 1000000000 from ticket t
    ), users as (
      insert into onsale.users (email, password_hash)
      select 'user' || n || '@example.com', ${passwordHash} from generate_series(1, ${userCount}::integer) n
      returning id
    )
    select
      (select e.id::float8 from event e) as "eventId", (select t.id::float8 from ticket t) as "ticketId",
      min(u.id)::float8 as "firstUserId"
    from users u`
  return { ...row!, userCount }
}

/** So many units are sold and none is held, no more and no less: one lost or counted twice makes the run void. */
export async function expectUnitsSold(
  { sql }: Pick<Bench, 'sql'>,
  { eventId }: DirectSale,
  wanted: number,
): Promise<void> {
  const [row] = await sql!<{ sold: number }[]>`
    select s.sold::float8 as sold from onsale.stock s where s.event_id = ${eventId}`
  if (row?.sold !== wanted)
    throw new Error(`${wanted} units were answered as sold, and ${row?.sold} are counted`)
}
