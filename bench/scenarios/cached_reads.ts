import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  about:
    'A cached page of events is read as fast as it goes, in full and by 304, in turns with servers that give the same answer and do ' +
    'nothing else',
  profiles: ['smoke', 'standard', 'full'],
  writes: false,
  runsOnTarget: true,
  events: 1_000,
  processes: { count: 1, ports: 'shared' },

  async run({ size, measure, limits, urls, servers }) {
    for (const [status, goal] of [[200, 0.85] as const, [304, 0.9] as const]) {
      const { servers: rates, ratios } = await limits.cachedReads({
        url: `${urls[0]}/events`,
        status,
        pids: servers?.pids() ?? null,
        rounds: size({ smoke: 1, standard: 3, full: 9 }),
        ms: size({ smoke: 200, standard: 600, full: 3_000 }),
        connections: 64,
      })
      const rate = (name: keyof typeof rates) => Math.round(rates[name].perSecond).toLocaleString('en')
      const ratio = (name: keyof typeof ratios) => ratios[name].rate.toFixed(2)
      const what = status === 200 ? 'cached GET /events' : 'GET /events answered 304'
      measure({
        name: `${what} against a bare Bun.serve of the same bytes`,
        value: ratios.same.rate,
        unit: '×',
        goal: { is: '>=', value: goal },
        detail:
          `${rate('onsale')} against ${rate('same')} a second with the same headers; a bare one that also reads what any must: ${ratio('reading')}; ` +
          `with Content-Type alone: ${ratio('body')}; Elysia alone: ${ratio('elysia')}`,
      })
      measure({
        name: `${what}: the most that a server can come to that reads the URL and three headers`,
        value: rates.reading.perSecond / rates.same.perSecond,
        unit: '×',
        goal: null,
        detail: `${rate('reading')} a second, by a bare Bun.serve that does this and no more; an id of its own for each answer`,
      })
    }
  },
}
