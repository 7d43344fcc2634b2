import { type DirectSale, putOnDirectSale } from '../direct_sale.ts'
import { latencyOf, ms } from '../latency.ts'
import type { PhaseResult } from '../result.ts'
import type { Bench, Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Buyers order a priced ticket of one event, begin to pay, and are paid by signed webhooks, one in ten told twice and one in ten failed first: ' +
    'as many as go, then half as many',
  profiles: ['smoke', 'standard', 'full'],
  writes: true,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, measure } = bench
    const userCount = size({ smoke: 200, standard: 5_000, full: 20_000 })
    const sale = await putOnDirectSale(bench, { userCount, priceCents: 2_500 })
    const seconds = size({ smoke: 1, standard: 4, full: 20 })

    const closed = await buy(bench, sale, {
      name: '100 buyers without a pause',
      rate: null,
      seconds,
      connections: 100,
    })
    const paid = await expectPaid(bench, sale, [closed])
    const perSecond = paid / closed.seconds
    measure({
      name: 'orders paid a second, of one hot event',
      value: Math.round(perSecond),
      unit: '1/s',
      goal: null,
      detail: `each is an order, an attempt to pay and a signed result; ${Math.round(closed.rateHeld).toLocaleString('en')} requests a second`,
    })

    const half = await buy(bench, sale, {
      name: 'half as many',
      rate: Math.floor(closed.rateHeld / 2),
      seconds,
      // In one second of a slow machine a hundred would order, and none come to pay.
      connections: size({ smoke: 10, standard: 100, full: 100 }),
    })
    await expectPaid(bench, sale, [closed, half])
    const [order, result] = [latencyOf(half, 'order'), latencyOf(half, 'result')]
    measure({
      name: 'result of a payment at half of that rate, p99',
      value: result.p99,
      unit: 'ms',
      goal: null,
      detail: `p50 ${ms(result.p50)}, p95 ${ms(result.p95)} ms; an order p50 ${ms(order.p50)}, p95 ${ms(order.p95)}, p99 ${ms(order.p99)} ms`,
    })
  },
}

async function buy(
  bench: Bench,
  sale: DirectSale,
  load: { name: string; rate: number | null; seconds: number; connections: number },
): Promise<PhaseResult> {
  const { name, rate, seconds, connections } = load
  const phase = await bench.generate({
    name,
    url: bench.urls[0],
    load: {
      connections,
      ms: seconds * 1_000,
      rate,
      bySecond: true,
      requests: bench.sourceOf('order_source.ts', { ...sale, secret: bench.secret }),
    },
  })
  if (phase.failed > 0) throw new Error(`${phase.failed} of "${name}" were not answered as they should be`)
  return phase
}

/** Every order that was answered is there, and what was paid is sold, the rest held; answers how many are paid. */
async function expectPaid({ sql }: Bench, { eventId }: DirectSale, phases: PhaseResult[]): Promise<number> {
  const ordered = phases.reduce((sum, phase) => sum + latencyOf(phase, 'order').count, 0)
  const [row] = await sql!<{ sold: number; held: number; paid: number }[]>`
    select s.sold::float8 as sold, s.held::float8 as held, (
      select count(*)::float8 from onsale.payments p where p.event_id = s.event_id and p.status = 'SUCCESS'
    ) as paid
    from onsale.stock s
    where s.event_id = ${eventId}`
  if (row === undefined || row.sold + row.held !== ordered || row.sold !== row.paid) {
    throw new Error(`${ordered} orders were answered, and the database has ${JSON.stringify(row)}`)
  }
  return row.paid
}
