import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Events with their tickets, facts and counters are loaded in bulk, and the same rows by COPY into the same tables with the ' +
    'same indexes',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, measure, limits }) {
    const { events, rows, ratio, ratios, seedRowsPerS, copyRowsPerS } = await limits.bulkLoad({
      events: size({ smoke: 1_000, standard: 12_000, full: 200_000 }),
      rounds: size({ smoke: 1, standard: 3, full: 5 }),
    })
    measure({
      name: 'bulk load of events and tickets against COPY of the same rows',
      value: ratio,
      unit: '×',
      goal: { is: '>=', value: 0.3 },
      detail:
        `${seedRowsPerS.toLocaleString('en')} against ${copyRowsPerS.toLocaleString('en')} rows a second; ` +
        `${events.toLocaleString('en')} events, ${rows.toLocaleString('en')} rows; rounds ${ratios.map((one) => one.toFixed(2)).join(', ')}`,
    })
  },
}
