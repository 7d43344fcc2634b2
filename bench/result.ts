// What a run leaves behind: the contract between what measures and what reports. Written as run.json.
// Times are milliseconds, sizes bytes, rates a second, unless a name says otherwise.

export type ProfileName = 'smoke' | 'standard' | 'full'

export type Run = {
  /** `<date>-<commit>`, with `-dirty` where the work tree differed from the commit. */
  id: string
  commit: string
  isDirty: boolean
  profile: ProfileName
  /** ISO 8601, UTC. */
  startedAt: string
  seconds: number
  machine: Machine
  /** Of everything that took part: onsale, bun, postgres, redis, k6. */
  versions: Record<string, string>
  /** What could change a figure: fsync, pool sizes, processes, target. Never a secret. */
  configuration: Record<string, string>
  scenarios: ScenarioResult[]
}

export type Machine = {
  cpu: string
  cores: number
  memoryBytes: number
  system: string
  openFilesMax: number
  /** Share of the cores that something else used in the second before the run: 0 is quiet, 1 is all of them. */
  busyBefore: number
}

export type ScenarioResult = {
  name: string
  about: string
  seconds: number
  /** Why its figures do not count: it broke, or `verify` found a difference. Null: they count. */
  fault: string | null
  /** Rows of `verify` afterwards, as text: none, or the run is void. */
  verify: string[]
  phases: PhaseResult[]
  measures: Measure[]
}

/** One stretch of load. */
export type PhaseResult = {
  name: string
  /** The workload in words: users and think time, or the rate asked for. */
  load: string
  /** Seconds since the run began. */
  startedAtS: number
  seconds: number
  /** Requests of the phase. */
  requests: number
  /** Answers that were not expected, and connections that failed. */
  failed: number
  /** What was to be sent and was not, because the generator could not keep up. */
  dropped: number
  /** Requests a second that were asked for; null where the load is closed (users, or saturation). */
  rateAsked: number | null
  rateHeld: number
  /** By what was timed: `reads`, `webhooks`, `freshness`, … in ms. */
  latencies: Record<string, Distribution>
  thresholds: Threshold[]
  /** By the second, for the charts. */
  series: Series[]
  /** What the service's own metrics counted meanwhile. */
  service: ServiceCounts | null
}

/** In ms. p999 is null where there are fewer than 1,000 values. */
export type Distribution = {
  count: number
  min: number
  mean: number
  p50: number
  p90: number
  p95: number
  p99: number
  p999: number | null
  max: number
}

export type Threshold = { metric: string; expression: string; isMet: boolean }

/** `at` are seconds since the phase began. `group` puts what belongs on one chart together. */
export type Series = {
  group: 'latency' | 'rate' | 'users' | 'cpu' | 'memory' | 'batch' | 'cache'
  name: string
  unit: 'ms' | '1/s' | 'users' | 'cores' | 'bytes' | 'items' | 'share'
  at: number[]
  values: (number | null)[]
}

export type ServiceCounts = {
  /** SQL calls by function. */
  calls: Record<string, number>
  cache: { hits1: number; hits2: number; misses: number; stale: number }
  /** Deliveries a call took: upper bound of the bucket (null: above all), and how many calls. */
  batchSizes: { upTo: number | null; count: number }[]
  deliveries: Record<string, number>
}

/** One figure with its goal: a row of the table that a reader looks at first. */
export type Measure = {
  name: string
  value: number
  unit: string
  /** Null: it is told, not judged. */
  goal: { is: '<=' | '>='; value: number } | null
  isMet: boolean | null
  /** What it is made of: "9,812 /s against 3,020 /s of the classic transaction". */
  detail: string
}
