// What a run leaves behind: the contract between what measures and what reports. Written as run.json, and read back by
// these schemas, so that a file of another shape is told before anybody compares with it.
// Times are milliseconds, sizes bytes, rates a second, unless a name says otherwise.

import { type Static, type TSchema, Type } from '@sinclair/typebox'

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

export const ProfileName = Type.Union([Type.Literal('smoke'), Type.Literal('standard'), Type.Literal('full')])
export type ProfileName = Static<typeof ProfileName>

export const Machine = Type.Object({
  cpu: Type.String(),
  cores: Type.Number(),
  memoryBytes: Type.Number(),
  system: Type.String(),
  openFilesMax: Type.Number(),
  /** Share of the cores that something else used in the second before the run: 0 is quiet, 1 is all of them. */
  busyBefore: Type.Number(),
  /** Share of the cores that the host of a virtual machine gave to others during the run; null where it is not told. */
  stolen: orNull(Type.Number()),
})
export type Machine = Static<typeof Machine>

/** In ms. p999 is null where there are fewer than 1,000 values. */
export const Distribution = Type.Object({
  count: Type.Number(),
  min: Type.Number(),
  mean: Type.Number(),
  p50: Type.Number(),
  p90: Type.Number(),
  p95: Type.Number(),
  p99: Type.Number(),
  p999: orNull(Type.Number()),
  max: Type.Number(),
})
export type Distribution = Static<typeof Distribution>

export const Threshold = Type.Object({
  metric: Type.String(),
  expression: Type.String(),
  isMet: Type.Boolean(),
})
export type Threshold = Static<typeof Threshold>

/** `at` are seconds since the phase began. `group` puts what belongs on one chart together. */
export const Series = Type.Object({
  group: Type.Union([
    Type.Literal('latency'),
    Type.Literal('rate'),
    Type.Literal('users'),
    Type.Literal('cpu'),
    Type.Literal('memory'),
    Type.Literal('batch'),
    Type.Literal('cache'),
  ]),
  /** Of a latency what was timed and the percentile, `read p99`, or `p99` of all together; of a rate `held`. */
  name: Type.String(),
  unit: Type.Union([
    Type.Literal('ms'),
    Type.Literal('1/s'),
    Type.Literal('users'),
    Type.Literal('cores'),
    Type.Literal('bytes'),
    Type.Literal('items'),
    Type.Literal('share'),
  ]),
  at: Type.Array(Type.Number()),
  values: Type.Array(orNull(Type.Number())),
})
export type Series = Static<typeof Series>

export const ServiceCounts = Type.Object({
  /** SQL calls by function. */
  calls: Type.Record(Type.String(), Type.Number()),
  /** Reads found in the process (hits1, some of them stale) or not (misses), and of these found in Redis (hits2). */
  cache: Type.Object({
    hits1: Type.Number(),
    hits2: Type.Number(),
    misses: Type.Number(),
    stale: Type.Number(),
  }),
  /** Deliveries a call took: upper bound of the bucket (null: above all), and how many calls. */
  batchSizes: Type.Array(Type.Object({ upTo: orNull(Type.Number()), count: Type.Number() })),
  deliveries: Type.Record(Type.String(), Type.Number()),
})
export type ServiceCounts = Static<typeof ServiceCounts>

/** One stretch of load. */
export const PhaseResult = Type.Object({
  name: Type.String(),
  /** The workload in words: users and think time, or the rate asked for. */
  load: Type.String(),
  /** Seconds since the run began. */
  startedAtS: Type.Number(),
  seconds: Type.Number(),
  /** Requests of the phase. */
  requests: Type.Number(),
  /** Answers that were not expected, and connections that failed. */
  failed: Type.Number(),
  /** What was to be sent and was not, because the generator could not keep up. */
  dropped: Type.Number(),
  /** Requests a second that were asked for; null where the load is closed (users, or saturation). */
  rateAsked: orNull(Type.Number()),
  rateHeld: Type.Number(),
  /** By what was timed: `reads`, `webhooks`, `freshness`, … in ms. */
  latencies: Type.Record(Type.String(), Distribution),
  thresholds: Type.Array(Threshold),
  /** By the second, for the charts. */
  series: Type.Array(Series),
  /** What the service's own metrics counted meanwhile. */
  service: orNull(ServiceCounts),
})
export type PhaseResult = Static<typeof PhaseResult>

/** One figure with its goal: a row of the table that a reader looks at first. */
export const Measure = Type.Object({
  name: Type.String(),
  value: Type.Number(),
  /** `ms`, `1/s`, `MiB`, `×`, or none for a count. `×` is a ratio within the run: only these mean anything on another machine. */
  unit: Type.String(),
  /** Null: it is told, not judged. */
  goal: orNull(
    Type.Object({ is: Type.Union([Type.Literal('<='), Type.Literal('>=')]), value: Type.Number() }),
  ),
  isMet: orNull(Type.Boolean()),
  /** What it is made of: "9,812 /s against 3,020 /s of the classic transaction". */
  detail: Type.String(),
})
export type Measure = Static<typeof Measure>

export const ScenarioResult = Type.Object({
  name: Type.String(),
  about: Type.String(),
  seconds: Type.Number(),
  /** Why its figures do not count: it broke, or `verify` found a difference. Null: they count. */
  fault: orNull(Type.String()),
  /** Rows of `verify` afterwards, as text: none, or the run is void. */
  verify: Type.Array(Type.String()),
  phases: Type.Array(PhaseResult),
  measures: Type.Array(Measure),
})
export type ScenarioResult = Static<typeof ScenarioResult>

export const Run = Type.Object({
  /** `<date>-<commit>`, with `-dirty` where the work tree differed from the commit. */
  id: Type.String(),
  commit: Type.String(),
  isDirty: Type.Boolean(),
  profile: ProfileName,
  /** ISO 8601, UTC. */
  startedAt: Type.String(),
  seconds: Type.Number(),
  machine: Machine,
  /** Of everything that took part: onsale, bun, postgres, redis, k6. */
  versions: Type.Record(Type.String(), Type.String()),
  /** What could change a figure: fsync, pool sizes, processes, target. Never a secret. */
  configuration: Type.Record(Type.String(), Type.String()),
  scenarios: Type.Array(ScenarioResult),
})
export type Run = Static<typeof Run>
