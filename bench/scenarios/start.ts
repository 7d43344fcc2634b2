import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'Onsale is started on a database that is there already, again and again: from the command to the first 200 of /ready',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: false,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, measure, timeStart }) {
    const times: number[] = []
    for (let nth = 0; nth < size({ smoke: 2, standard: 10, full: 30 }); nth++) times.push(await timeStart())
    times.sort((a, b) => a - b)
    measure({
      name: 'start to ready on an existing database, median',
      value: times[times.length >> 1] ?? Number.NaN,
      unit: 'ms',
      goal: { is: '<=', value: 300 },
      detail: `of ${times.length} starts, ${Math.round(times[0] ?? 0)} to ${Math.round(times.at(-1) ?? 0)} ms`,
    })
  },
}
