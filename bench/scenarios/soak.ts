import { scenario as running } from 'k6/execution'
import http from 'k6/http'
import { readSomething } from '../k6/reading.ts'
import { send } from '../k6/sending.ts'
import { env, optionsOf } from '../k6/workload.ts'
import { latencyOf, ms } from '../latency.ts'
import { expectSold, putOnSale } from '../on_sale.ts'
import { orderDelivery } from '../orders.ts'
import type { PhaseResult } from '../result.ts'
import type { Bench, Scenario } from '../scenario.ts'

export const options = optionsOf({
  'http_req_duration{kind:read}': ['p(99)<50'],
  'http_req_duration{kind:webhook}': ['p(99)<50'],
  http_req_failed: ['rate==0'],
})

const [url = '']: string[] = JSON.parse(env('URLS') || '[]')
const event = JSON.parse(env('HOT') || 'null')
http.setResponseCallback(http.expectedStatuses(200, 304))

/** Visitors, evenly. */
export function visit(): void {
  readSomething(url)
}

/** Orders, evenly. */
export function sell(): void {
  send(url, orderDelivery(event, running.iterationInTest))
}

export const scenario: Scenario = {
  about:
    'Half an hour of visitors and orders at an even pace: memory, connections and the hot tables must not grow',
  profiles: ['full'],
  writes: true,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run(bench) {
    const { size, k6, measure, sql } = bench
    const onSale = await putOnSale(bench, 1, 10)
    const seconds = size({ smoke: 4, standard: 60, full: 1_800 })
    const load = (name: string, share: number) =>
      k6({
        name,
        loads: {
          visit: {
            ratePerS: size({ smoke: 50, standard: 500, full: 500 }),
            seconds: seconds * share,
            vus: 100,
          },
        },
      })
    // What starts cold grows at first; what counts is whether it goes on.
    await load('warming up', 0.1)
    const before = await lookAt(bench)
    const phase = await k6({
      name: 'evenly',
      loads: {
        visit: { ratePerS: size({ smoke: 50, standard: 500, full: 500 }), seconds, vus: 100 },
        sell: { ratePerS: size({ smoke: 20, standard: 100, full: 100 }), seconds, vus: 100 },
      },
      env: { HOT: JSON.stringify(onSale.event) },
    })
    const after = await lookAt(bench)
    await expectSold(bench, onSale, latencyOf(phase, 'webhook').count)

    const { growth, detail } = growthOf(phase)
    measure({
      name: 'soak: memory of Onsale, last quarter against the second',
      value: growth,
      unit: '×',
      goal: { is: '<=', value: 1.1 },
      detail,
    })
    measure({
      name: 'soak: connections to PostgreSQL more than at the start',
      value: after.connections - before.connections,
      unit: '',
      goal: { is: '<=', value: 0 },
      detail: `${before.connections}, then ${after.connections}`,
    })
    measure({
      name: 'soak: size of the hot tables at the end against the start',
      value: after.hotBytes / before.hotBytes,
      unit: '×',
      goal: { is: '<=', value: 1.5 },
      detail:
        `stock, event_revisions, tickets and events, with their indexes: ${kib(before.hotBytes)}, then ${kib(after.hotBytes)} KiB; ` +
        'deliveries and orders grow by a row each, as they must',
    })
    const read = latencyOf(phase, 'read')
    measure({
      name: 'soak: read p99',
      value: read.p99,
      unit: 'ms',
      goal: null,
      detail: `max ${ms(read.max)} ms`,
    })
    if (sql === null) throw new Error('The soak looks at its own database')
  },
}

async function lookAt({ sql }: Bench): Promise<{ connections: number; hotBytes: number }> {
  if (sql === null) throw new Error('The soak looks at its own database')
  const [row] = await sql<{ connections: number; hot_bytes: string }[]>`
    select
      (select count(*)::int from pg_stat_activity where datname = current_database()) as connections,
      (
        select sum(pg_total_relation_size(c.oid))
        from pg_class c
        where c.relnamespace = 'onsale'::regnamespace and c.relkind = 'r'
          and c.relname in ('stock', 'event_revisions', 'tickets', 'events')
      )::text as hot_bytes`
  return { connections: row?.connections ?? 0, hotBytes: Number(row?.hot_bytes ?? 0) }
}

/** The memory's mean in the last quarter of the phase against that in the second. */
function growthOf({ series }: PhaseResult): { growth: number; detail: string } {
  const memory = series.find(({ group, name }) => group === 'memory' && name === 'onsale')
  if (memory === undefined)
    return { growth: Number.NaN, detail: 'This system does not tell the memory of a process' }
  const values = memory.values.filter((value) => value !== null)
  const quarter = Math.max(1, Math.floor(values.length / 4))
  const mean = (some: number[]) => some.reduce((sum, value) => sum + value, 0) / Math.max(1, some.length)
  const early = mean(values.slice(quarter, 2 * quarter))
  const late = mean(values.slice(-quarter))
  return {
    growth: late / early,
    detail: `${Math.round(early / 2 ** 20)}, then ${Math.round(late / 2 ** 20)} MiB`,
  }
}

function kib(bytes: number): string {
  return Math.round(bytes / 1024).toLocaleString('en')
}
