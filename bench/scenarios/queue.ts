import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Writes to Shopify are worked off by one worker and by four, against a Shopify that answers at once: claimed, asked for, completed, confirmed',
  profiles: ['smoke', 'standard', 'full'],
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
  },
}
