// A run as a whole standard one would leave it: 12 scenarios, several phases each, a minute of series. Drawn from a seed,
// so that the same run is the same bytes.

import type { Distribution, Measure, PhaseResult, Run, ScenarioResult, Series } from '../../bench/result.ts'

export type MadeRun = Partial<Omit<Run, 'scenarios'>> & {
  seed?: number
  /** 1.5: every latency half as long again, every rate two thirds. */
  slowness?: number
  /** Only these of the 12 scenarios. */
  only?: string[]
  /** Changes what was made, before it is returned. */
  change?: (run: Run) => void
}

export function makeRun({ seed = 1, slowness = 1, only, change, ...given }: MadeRun = {}): Run {
  const draw = createDraw(seed)
  const run: Run = {
    id: '2026-11-21-654efed',
    commit: '654efed',
    isDirty: false,
    profile: 'standard',
    startedAt: '2026-11-21T09:30:00.000Z',
    seconds: 574,
    machine: {
      cpu: 'AMD EPYC 9R14',
      cores: 2,
      memoryBytes: 25_216_741_376,
      system: 'linux 6.12.8',
      openFilesMax: 1_048_576,
      busyBefore: 0.012,
      stolen: 0.004,
    },
    versions: { onsale: '0.1.0', bun: '1.4.5', k6: 'v1.8.1', postgres: '18.4', redis: '7.0.15' },
    configuration: {
      target: 'own servers on this machine, the generator beside them',
      redis: 'on',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '128MB',
      max_wal_size: '1GB',
    },
    scenarios: [],
    ...given,
  }
  let clock = 4
  for (const plan of plans) {
    const startedAt = clock
    const phases = plan.phases.map((phase) => {
      const made = makePhase(phase, { draw, slowness, startedAtS: clock })
      clock = Math.round((clock + made.seconds + phase.pauseS) * 10) / 10
      return made
    })
    run.scenarios.push({
      name: plan.name,
      about: plan.about,
      seconds: Math.round((clock - startedAt) * 10) / 10,
      fault: null,
      verify: [],
      phases,
      measures: plan.measures.map((measure) => makeMeasure(measure, { draw, slowness })),
    })
  }
  if (only) run.scenarios = run.scenarios.filter(({ name }) => only.includes(name))
  change?.(run)
  return run
}

export function scenarioOf(run: Run, name: string): ScenarioResult {
  const found = run.scenarios.find((scenario) => scenario.name === name)
  if (!found) throw new Error(`The made run has no scenario ${name}`)
  return found
}

export function measureOf(run: Run, name: string): Measure {
  const found = run.scenarios.flatMap(({ measures }) => measures).find((measure) => measure.name === name)
  if (!found) throw new Error(`The made run has no measure ${name}`)
  return found
}

type PhasePlan = {
  name: string
  load: string
  seconds: number
  pauseS: number
  rateAsked: number | null
  rate: number
  users: number | null
  /** Median in ms by what is timed. */
  timed: Record<string, number>
  webhooks: boolean
}

type Plan = { name: string; about: string; phases: PhasePlan[]; measures: Omit<Measure, 'isMet'>[] }

function phase(name: string, load: string, given: Partial<PhasePlan>): PhasePlan {
  return {
    name,
    load,
    seconds: 60,
    pauseS: 1,
    rateAsked: null,
    rate: 1_000,
    users: null,
    timed: { read: 0.5 },
    webhooks: false,
    ...given,
  }
}

const open = (rate: number) => `visit: ${rate.toLocaleString('en')} a second, whatever the answers take`
const users = (count: number) =>
  `visit: ${count.toLocaleString('en')} users within 10 s, 5 to 15 s of thought between requests`

const plans: Plan[] = [
  {
    name: 'browse',
    about:
      'Visitors read lists, categories, searches and events at their own pace; then the same mix at fixed rates.',
    phases: [
      phase('10,000 users, bare', users(10_000), { users: 10_000, rate: 985, timed: { read: 0.35 } }),
      phase('10,000 users', users(10_000), { users: 10_000, rate: 985, timed: { read: 0.42 } }),
      phase('1,000 requests a second', open(1_000), { rateAsked: 1_000, rate: 1_000 }),
      phase('5,000 requests a second', open(5_000), { rateAsked: 5_000, rate: 4_987, timed: { read: 0.9 } }),
    ],
    measures: [
      {
        name: '10,000 users, p95',
        value: 1.62,
        unit: 'ms',
        goal: { is: '<=', value: 5 },
        detail: 'p50 0.42, p99 6.1 ms of 59,104',
      },
      {
        name: '10,000 users, p95 against a bare Bun.serve of the same bytes',
        value: 1.21,
        unit: '×',
        goal: { is: '<=', value: 1.5 },
        detail: '1.62 against 1.34 ms',
      },
      {
        name: '10,000 users: errors',
        value: 0,
        unit: '',
        goal: { is: '<=', value: 0 },
        detail: 'of 59,104 requests',
      },
      {
        name: 'memory with 10,000 connections',
        value: 231.4,
        unit: 'MiB',
        goal: { is: '<=', value: 250 },
        detail: 'resident, one process',
      },
      {
        name: '5,000 requests a second of the mix, p99',
        value: 14.2,
        unit: 'ms',
        goal: { is: '<=', value: 20 },
        detail: 'p50 0.9, p95 4.2 ms',
      },
    ],
  },
  {
    name: 'limits',
    about: 'The hottest reads at full speed, against servers that do nothing else.',
    phases: [
      phase('cached list', '64 connections without a pause', {
        rate: 81_250,
        timed: { '': 0.7 },
        seconds: 20,
      }),
      phase('bare', '64 connections without a pause', { rate: 93_900, timed: { '': 0.6 }, seconds: 20 }),
    ],
    measures: [
      {
        name: 'cached GET /events against a bare Bun.serve of the same bytes',
        value: 0.865,
        unit: '×',
        goal: { is: '>=', value: 0.85 },
        detail: '81,250 against 93,900 a second, median of 3 rounds',
      },
      {
        name: '304 answers against the same',
        value: 0.887,
        unit: '×',
        goal: { is: '>=', value: 0.9 },
        detail: '88,400 against 99,700 a second, median of 3 rounds',
      },
      {
        name: 'Elysia alone against a bare Bun.serve',
        value: 0.74,
        unit: '×',
        goal: null,
        detail: '69,500 against 93,900 a second',
      },
    ],
  },
  {
    name: 'on_sale',
    about:
      'A hot event is read while its orders arrive by signed webhooks, a tenth of them twice and all of them shuffled.',
    phases: [
      phase('visitors alone', users(2_000), { users: 2_000, rate: 1_180, timed: { calm_read: 0.5 } }),
      phase('visitors and orders', `${users(2_000)}; sell: 1,000 a second, whatever the answers take`, {
        users: 2_000,
        rate: 2_190,
        timed: { read: 0.62, webhook: 5.4, fresh: 21, whole: 24 },
        webhooks: true,
      }),
    ],
    measures: [
      {
        name: 'read p99 during an on-sale against before',
        value: 1.34,
        unit: '×',
        goal: { is: '<=', value: 1.5 },
        detail: '8.2 against 6.1 ms; p95 2.4 against 1.9 ms',
      },
      {
        name: 'commit to visible in another process, p99',
        value: 47.3,
        unit: 'ms',
        goal: { is: '<=', value: 100 },
        detail: 'counted from sending the webhook, which is before its commit: p50 24, max 71 ms',
      },
    ],
  },
  {
    name: 'webhooks',
    about: 'Signed webhooks on one hot ticket and on a thousand: at fixed rates, and as many as are taken.',
    phases: [
      phase('one webhook at a time', '1 connections without a pause', {
        rate: 482,
        seconds: 10,
        timed: { webhook: 2 },
        webhooks: true,
      }),
      phase('1,000 webhooks a second on one hot ticket', open(1_000), {
        rateAsked: 1_000,
        timed: { webhook: 3.6 },
        webhooks: true,
        rate: 1_000,
      }),
      phase('250 connections without a pause', '250 connections without a pause', {
        rate: 10_412,
        timed: { webhook: 22.6 },
        webhooks: true,
      }),
      phase('twice as many as are taken', open(20_000), {
        rateAsked: 20_000,
        rate: 14_900,
        timed: { webhook: 48, 'webhook 503': 3.1 },
        webhooks: true,
      }),
    ],
    measures: [
      {
        name: 'one webhook alone on an idle server, p50',
        value: 2.04,
        unit: 'ms',
        goal: { is: '<=', value: 3 },
        detail: 'p99 3.9 ms of 4,820',
      },
      {
        name: 'webhook answer at 1,000 a second on one hot ticket, p99',
        value: 11.9,
        unit: 'ms',
        goal: { is: '<=', value: 15 },
        detail: 'p50 3.6, p95 7.7 ms',
      },
      {
        name: 'webhooks on one hot ticket, highest rate with p99 under 50 ms and no refusal',
        value: 10_412,
        unit: '1/s',
        goal: { is: '>=', value: 10_000 },
        detail: 'p99 41 ms, fsync on',
      },
      {
        name: 'webhooks on one hot ticket against the classic transaction',
        value: 3.81,
        unit: '×',
        goal: { is: '>=', value: 3 },
        detail: '10,412 against 2,733 a second on 20 connections',
      },
    ],
  },
  {
    name: 'search',
    about: 'Searches and lists that nobody has asked before, on a thousand, 100,000 and a million events.',
    phases: ['1,000 events', '100,000 events', '1,000,000 events'].map((name, index) =>
      phase(name, open(200), {
        rateAsked: 200,
        rate: 200,
        seconds: 30,
        pauseS: 40,
        timed: { search: 1.9 + 0.4 * index, list: 1.4 + 0.2 * index },
      }),
    ),
    measures: [
      {
        name: 'uncached search, 1,000,000 events, p95',
        value: 6.3,
        unit: 'ms',
        goal: { is: '<=', value: 10 },
        detail: 'p50 2.7, p99 9.4 ms at 200 a second',
      },
      {
        name: 'uncached search, a million events against a thousand, mean',
        value: 1.42,
        unit: '×',
        goal: { is: '<=', value: 2 },
        detail: '3.1 against 2.2 ms',
      },
    ],
  },
  {
    name: 'availability',
    about: 'Reads of one hot event that no cache answers.',
    phases: [
      phase('1,000 questions a second', open(1_000), { rateAsked: 1_000, timed: { availability: 1.1 } }),
    ],
    measures: [
      {
        name: 'availability at 1,000 a second, p99',
        value: 4.9,
        unit: 'ms',
        goal: null,
        detail: 'p50 1.1, p95 2.9 ms; 31,204 SQL calls for 60,000 answers',
      },
    ],
  },
  {
    name: 'stampede',
    about: 'All caches are dropped while visitors read.',
    phases: [
      phase('before', open(5_000), { rateAsked: 5_000, rate: 5_000, seconds: 20 }),
      phase('all caches dropped', open(5_000), { rateAsked: 5_000, rate: 4_991, timed: { read: 1.2 } }),
    ],
    measures: [
      {
        name: 'stampede: SQL calls per key and process',
        value: 1,
        unit: '',
        goal: { is: '<=', value: 1 },
        detail: '412 calls for 206 keys in 2 processes',
      },
      { name: 'stampede: worst second, p99', value: 61, unit: 'ms', goal: null, detail: 'the third' },
    ],
  },
  {
    name: 'spike',
    about: 'Ten thousand users arrive within five seconds.',
    phases: [phase('0 to 10,000 users', users(10_000), { users: 10_000, rate: 1_390, timed: { read: 0.6 } })],
    measures: [
      {
        name: 'spike: errors',
        value: 0,
        unit: '',
        goal: { is: '<=', value: 0 },
        detail: 'of 83,412 requests',
      },
    ],
  },
  {
    name: 'restart',
    about: 'Two processes behind one port are restarted one after the other under load.',
    phases: [
      phase('rolling restarts under load', open(500), { rateAsked: 500, rate: 500, timed: { read: 0.8 } }),
    ],
    measures: [
      {
        name: 'rolling restart: requests lost',
        value: 0,
        unit: '',
        goal: { is: '<=', value: 0 },
        detail: 'of 30,000, three restarts',
      },
    ],
  },
  {
    name: 'start',
    about: 'Onsale starts on a database that is up to date.',
    phases: [],
    measures: [
      {
        name: 'start to ready on an existing database, median',
        value: 263,
        unit: 'ms',
        goal: { is: '<=', value: 300 },
        detail: 'of 9 starts: 251 to 288 ms',
      },
    ],
  },
  {
    name: 'bulk',
    about: 'Events and tickets are loaded in bulk, against COPY of the same rows.',
    phases: [phase('load', '4 connections without a pause', { seconds: 30, rate: 42, timed: { load: 93 } })],
    measures: [
      {
        name: 'bulk load of events and tickets against COPY of the same rows',
        value: 0.37,
        unit: '×',
        goal: { is: '>=', value: 0.3 },
        detail: '21,300 against 57,600 rows a second',
      },
    ],
  },
  {
    name: 'soak',
    about: 'Reads and webhooks for long, to see what grows.',
    phases: [
      phase('evenly', `${users(1_000)}; sell: 100 a second, whatever the answers take`, {
        users: 1_000,
        seconds: 60,
        rate: 198,
        timed: { read: 0.5, webhook: 3.1 },
        webhooks: true,
      }),
    ],
    measures: [
      {
        name: 'soak: memory of Onsale, last quarter against the second',
        value: 1.02,
        unit: '×',
        goal: { is: '<=', value: 1.1 },
        detail: '141 against 138 MiB',
      },
    ],
  },
]

type Context = { draw: Draw; slowness: number }

function makeMeasure(measure: Omit<Measure, 'isMet'>, { draw, slowness }: Context): Measure {
  const { goal } = measure
  const drift =
    (0.98 + 0.04 * draw()) * (measure.unit === 'ms' ? slowness : measure.unit === '1/s' ? 1 / slowness : 1)
  // Counts stay what they are.
  const value = measure.unit === '' ? measure.value : Number((measure.value * drift).toPrecision(4))
  const isMet = goal === null ? null : goal.is === '<=' ? value <= goal.value : value >= goal.value
  return { ...measure, value, isMet }
}

function makePhase(
  plan: PhasePlan,
  { draw, slowness, startedAtS }: Context & { startedAtS: number },
): PhaseResult {
  const rateHeld = Math.round(plan.rate * (plan.rateAsked === null && plan.users === null ? 1 / slowness : 1))
  const requests = rateHeld * plan.seconds
  const at = Array.from({ length: plan.seconds }, (_, second) => second + 1)
  const series: Series[] = [
    {
      group: 'rate',
      name: 'held',
      unit: '1/s',
      at,
      values: at.map((second) =>
        Math.round(rateHeld * (plan.users ? Math.min(1, second / 10) : 1) * (0.97 + 0.06 * draw())),
      ),
    },
  ]
  if (plan.users !== null) {
    const most = plan.users
    series.push({
      group: 'users',
      name: 'users',
      unit: 'users',
      at,
      values: at.map((second) => Math.min(most, Math.round((most * second) / 10))),
    })
  }
  const latencies: Record<string, Distribution> = {}
  for (const [kind, given] of Object.entries(plan.timed)) {
    const median = given * slowness
    latencies[kind || 'answer'] = makeDistribution(
      median,
      Math.round(requests / Object.keys(plan.timed).length),
      draw,
    )
    const kindsOfSecond = at.map(() => ({ spike: draw() > 0.97 ? 2.5 : 1, wobble: 0.85 + 0.3 * draw() }))
    for (const [name, times] of [
      ['p50', 1],
      ['p95', 3.8],
      ['p99', 12],
    ] as const) {
      series.push({
        group: 'latency',
        name: kind ? `${kind} ${name}` : name,
        unit: 'ms',
        at,
        // A second in which nothing was timed has no percentile.
        values: kindsOfSecond.map(({ spike, wobble }, second) =>
          second === 0 && plan.users !== null
            ? null
            : Number((median * times * wobble * (name === 'p50' ? 1 : spike)).toPrecision(4)),
        ),
      })
    }
  }
  for (const [name, cores, megabytes] of [
    ['onsale', 0.72, 148],
    ['postgres', plan.webhooks ? 0.51 : 0.06, 212],
    ['redis', 0.03, 9],
    ['generator', 0.61, plan.users === null ? 240 : 2_060],
  ] as const) {
    series.push(
      {
        group: 'cpu',
        name,
        unit: 'cores',
        at,
        values: at.map(() => Number((cores * (0.9 + 0.2 * draw())).toFixed(3))),
      },
      {
        group: 'memory',
        name,
        unit: 'bytes',
        at,
        values: at.map((second) =>
          Math.round(megabytes * 1024 ** 2 * (0.9 + 0.1 * Math.min(1, second / 20))),
        ),
      },
    )
  }
  const every2 = at.filter((second) => second % 2 === 0)
  if (!plan.webhooks) {
    series.push({
      group: 'cache',
      name: 'answered from memory',
      unit: 'share',
      at: every2,
      values: every2.map(() => Number((0.985 + 0.014 * draw()).toFixed(3))),
    })
  } else {
    series.push({
      group: 'batch',
      name: 'deliveries a call',
      unit: 'items',
      at: every2,
      values: every2.map(() => Number((Math.max(1, rateHeld / 120) * (0.9 + 0.2 * draw())).toFixed(2))),
    })
  }
  const misses = Math.min(1_616, Math.round(requests / 10))
  const calls = Math.round(requests / Math.max(1, rateHeld / 120))
  return {
    name: plan.name,
    load: plan.load,
    startedAtS,
    seconds: plan.seconds,
    requests,
    failed: 0,
    dropped: 0,
    rateAsked: plan.rateAsked,
    rateHeld,
    latencies,
    thresholds: [
      ...Object.keys(latencies).map((kind) => ({
        metric: `http_req_duration{kind:${kind}}`,
        expression: 'p(99)<2000',
        isMet: true,
      })),
      { metric: 'http_req_failed', expression: 'rate==0', isMet: true },
    ],
    series,
    service: {
      calls: plan.webhooks
        ? { apply_deliveries: calls }
        : { list_events: 214, get_event: 198, search_events: 1_204 },
      cache: plan.webhooks
        ? { hits1: 0, hits2: 0, misses: 0, stale: 0 }
        : { hits1: requests - misses, hits2: Math.round(misses / 4), misses, stale: Math.round(misses / 20) },
      batchSizes: plan.webhooks
        ? [1, 2, 4, 8, 16, 32, 64, 128, null].map((upTo, index) => ({
            upTo,
            count: Math.round(
              calls * 0.3 * Math.exp(-((index - Math.log2(Math.max(1, rateHeld / 120))) ** 2) / 3),
            ),
          }))
        : [],
      deliveries: plan.webhooks
        ? { applied: Math.round(requests * 0.9), duplicate: requests - Math.round(requests * 0.9) }
        : {},
    },
  }
}

/** Log-normal as latencies are: the tail is long. */
function makeDistribution(median: number, count: number, draw: Draw): Distribution {
  const at = (times: number) => Number((median * times * (0.98 + 0.04 * draw())).toPrecision(4))
  return {
    count,
    min: at(0.4),
    mean: at(1.3),
    p50: at(1),
    p90: at(2.6),
    p95: at(3.8),
    p99: at(12),
    p999: count < 1_000 ? null : at(28),
    max: at(60),
  }
}

type Draw = () => number

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
function createDraw(seed: number): Draw {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
