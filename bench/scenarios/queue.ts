import { ms } from '../latency.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Writes to Shopify are worked off by one worker and by four, against a Shopify that answers at once: claimed, asked for, completed, confirmed; ' +
    'and an admin renames events of a played shop while visitors read: from the 202 until they see it',
  profiles: ['smoke', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, measure, limits }) {
    const jobs = size({ smoke: 200, standard: 4_000, full: 20_000 })
    for (const workers of [1, 4]) {
      const { perSecond, seconds, attempts } = await limits.jobQueue({ jobs, events: 200, workers })
      measure({
        name: `writes to Shopify worked off a second, ${workers === 1 ? 'one worker' : `${workers} workers`}`,
        value: Math.round(perSecond),
        unit: '1/s',
        goal: null,
        detail: `${jobs.toLocaleString('en')} jobs of 200 events in ${seconds.toFixed(1)} s, ${attempts.toLocaleString('en')} attempts; Shopify itself lets some 10 to 100 a second through`,
      })
    }
    const writes = size({ smoke: 5, standard: 150, full: 200 })
    const { visible, answered, reads } = await limits.circle({ writes, writesPerS: 10, visitors: 20 })
    measure({
      name: 'write to Shopify, from the 202 until a read shows it, p99',
      value: visible.p99,
      unit: 'ms',
      goal: null,
      detail:
        `p50 ${ms(visible.p50)}, p95 ${ms(visible.p95)}, max ${ms(visible.max)} ms of ${writes} at 10 a second, beside ${reads.toLocaleString('en')} reads; ` +
        `the 202 itself p50 ${ms(answered.p50)}, p99 ${ms(answered.p99)} ms`,
    })
  },
}
