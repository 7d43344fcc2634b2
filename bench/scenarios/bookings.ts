import { type DirectSale, expectUnitsSold, putOnDirectSale } from '../direct_sale.ts'
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
    const sale = await putOnDirectSale(bench, {
      userCount: size({ smoke: 200, standard: 5_000, full: 20_000 }),
    })
    const seconds = size({ smoke: 1, standard: 4, full: 20 })

    const closed = await book(bench, sale, { name: '250 connections without a pause', rate: null, seconds })
    const half = await book(bench, sale, {
      name: 'half as many',
      rate: Math.floor(closed.rateHeld / 2),
      seconds,
    })
    await expectUnitsSold(bench, sale, closed.requests + half.requests)
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
      // A hundred thousand of them in a standard run.
      seconds: size({ smoke: 1, standard: 7, full: 20 }),
      expected: [409],
    })
    await expectUnitsSold(bench, sale, closed.requests + half.requests)
    measure({
      name: 'sold out: refused a second',
      value: Math.round(storm.rateHeld),
      unit: '1/s',
      goal: null,
      detail: `${storm.requests.toLocaleString('en')} requests, none of them written; p99 ${ms(latencyOf(storm, 'booking').p99)} ms`,
    })
  },
}

async function book(
  bench: Bench,
  sale: DirectSale,
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
      requests: bench.sourceOf('booking_source.ts', { ...sale, secret: bench.secret, expected }),
    },
  })
  if (phase.failed > 0) throw new Error(`${phase.failed} of "${name}" were not answered ${expected[0]}`)
  return phase
}
