import { latencyOf, ms } from '../latency.ts'
import type { PhaseResult } from '../result.ts'
import type { Bench, Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Logged-in users book one free event, as many as go and half as many; then the last ticket is gone, and they go on asking',
  profiles: ['smoke', 'standard', 'full'],
  writes: true,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, measure } = bench
    const sale = await putOnSale(bench, size({ smoke: 200, standard: 5_000, full: 20_000 }))
    const seconds = size({ smoke: 1, standard: 5, full: 20 })

    const closed = await book(bench, sale, { name: '250 connections without a pause', rate: null, seconds })
    const half = await book(bench, sale, {
      name: 'half as many',
      rate: Math.floor(closed.rateHeld / 2),
      seconds,
    })
    await expectBooked(bench, sale, closed.requests + half.requests)
    const classic = await bench.limits.classicTransactions({ seconds, form: 'booking' })
    measure({
      name: 'bookings of one hot event against the classic transaction',
      value: closed.rateHeld / classic.perSecond,
      unit: '×',
      goal: { is: '>=', value: 8 },
      detail:
        `${Math.round(closed.rateHeld).toLocaleString('en')} a second over HTTP, each with its token, against ` +
        `${Math.round(classic.perSecond).toLocaleString('en')} of select for update, count, insert, update on 20 connections (p99 ${ms(classic.p99)} ms), without HTTP or tokens`,
    })
    const latency = latencyOf(half, 'booking')
    measure({
      name: 'bookings at half of that rate, p99',
      value: latency.p99,
      unit: 'ms',
      goal: { is: '<=', value: 50 },
      detail: `p50 ${ms(latency.p50)}, p95 ${ms(latency.p95)}, max ${ms(latency.max)} ms at ${half.rateAsked?.toLocaleString('en')} a second`,
    })

    await bench.sql!`update onsale.stock set capacity = sold where event_id = ${sale.eventId}`
    const storm = await book(bench, sale, {
      name: 'after the last ticket',
      rate: null,
      seconds,
      expected: [409],
    })
    await expectBooked(bench, sale, closed.requests + half.requests)
    measure({
      name: 'sold out: refused a second',
      value: Math.round(storm.rateHeld),
      unit: '1/s',
      goal: null,
      detail: `${storm.requests.toLocaleString('en')} requests, none of them written; p99 ${ms(latencyOf(storm, 'booking').p99)} ms`,
    })
  },
}

type Sale = { eventId: number; firstUserId: number; userCount: number }

/** A free event without scarcity, whose limit is checked and never reached, and users who may log in. */
async function putOnSale({ sql }: Bench, userCount: number): Promise<Sale> {
  if (sql === null) throw new Error('This needs the database')
  const [row] = await sql<Omit<Sale, 'userCount'>[]>`
    with event as (
      insert into onsale.events (title, status, starts_at, currency, per_user_limit)
      values ('On sale', 'active', now() + interval '1 year', 'EUR', 1000000)
      returning id
    ), revision as (
      insert into onsale.event_revisions (event_id, revision) select e.id, 1 from event e
    ), ticket as (
      insert into onsale.tickets (event_id, name, price_cents) select e.id, 'General', 0 from event e returning id, event_id
    ), stock as (
      insert into onsale.stock (event_id, ticket_id, channel, capacity)
      select t.event_id, t.id, 'direct', 1000000000 from ticket t
    ), users as (
      insert into onsale.users (email, password_hash)
      select 'user' || n || '@example.com', 'none' from generate_series(1, ${userCount}::integer) n
      returning id
    )
    select (select e.id::float8 from event e) as "eventId", min(u.id)::float8 as "firstUserId" from users u`
  return { ...row!, userCount }
}

async function book(
  bench: Bench,
  sale: Sale,
  {
    name,
    rate,
    seconds,
    expected = [201],
  }: { name: string; rate: number | null; seconds: number; expected?: number[] },
): Promise<PhaseResult> {
  const phase = await bench.generate({
    name,
    url: bench.urls[0],
    load: {
      connections: 250,
      ms: seconds * 1_000,
      rate,
      bySecond: true,
      requests: { module: bench.bookingSource, options: { ...sale, secret: bench.secret, expected } },
    },
  })
  if (phase.failed > 0) throw new Error(`${phase.failed} of "${name}" were not answered ${expected[0]}`)
  return phase
}

/** One unit for each request that was answered, no more and no less. */
async function expectBooked({ sql }: Bench, { eventId }: Sale, wanted: number): Promise<void> {
  const [row] = await sql!<{ sold: number }[]>`
    select s.sold::float8 as sold from onsale.stock s where s.event_id = ${eventId}`
  if (row?.sold !== wanted) throw new Error(`${wanted} bookings were answered, and ${row?.sold} are counted`)
}
