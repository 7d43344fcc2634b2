import { ms } from '../latency.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'A shop is read into an empty mirror by `sync`, against COPY of the same rows into the same live tables; and once more while ' +
    'webhooks arrive, killed in the middle and run again',
  profiles: ['smoke', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, measure, limits }) {
    const compared = await limits.syncLoad({
      events: size({ smoke: 200, standard: 10_000, full: 50_000 }),
      rounds: size({ smoke: 1, standard: 1, full: 3 }),
    })
    const { events, rows, ratio, ratios, syncRowsPerS, copyRowsPerS } = compared
    const number = (value: number) => value.toLocaleString('en')
    measure({
      name: 'first sync against COPY of the rows that it makes',
      value: ratio,
      unit: '×',
      goal: { is: '>=', value: 0.3 },
      detail:
        `${number(syncRowsPerS)} against ${number(copyRowsPerS)} rows a second; ${number(events)} events, ${number(rows)} rows; ` +
        `rounds ${ratios.map((one) => one.toFixed(2)).join(', ')}`,
    })

    const run = await limits.syncRun({ events: size({ smoke: 2_000, standard: 10_000, full: 100_000 }) })
    measure({
      name: 'first sync while webhooks arrive, killed and run again',
      value: run.linesPerS,
      unit: '/s',
      goal: null,
      detail:
        `${number(run.lines)} lines of ${number(run.events)} events in ${run.seconds} s; killed at line ${number(run.killedAtLine)} of the products; ` +
        `at most ${run.mebibytesMax} MiB; ${number(run.webhooks)} webhooks, p50 ${ms(run.webhookP50)}, p99 ${ms(run.webhookP99)} ms`,
    })
  },
}
