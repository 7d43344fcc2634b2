// What a scenario is. One file of `scenarios/` is one scenario and lives in two worlds: k6 runs its exported functions,
// and Bun reads its `scenario`, which says what is needed, in which phases the load comes, and what is measured.

import type { Sql } from '../src/platform/database.ts'
import type { Measure, PhaseResult, ProfileName } from './result.ts'
import type { GeneratorLoad, RequestsFrom } from './runner/generator.ts'
import type { Limits } from './runner/limits.ts'
import type { Servers } from './runner/servers.ts'
import type { Counting } from './runner/service_counts.ts'
import type { Shop } from './runner/shop.ts'

export type Scenario = {
  /** One sentence: what happens. The report shows it. */
  about: string
  /** The runs in which it takes part unasked. Named on the command line it runs in any profile. */
  profiles: readonly ProfileName[]
  /** True: it changes what is stored. On a server that is running already (`--target`) it must be named. */
  writes: boolean
  /** False: it must own the servers (restarts them, reads their memory), so that no `--target` will do. */
  runsOnTarget: boolean
  /** Made-up events in the database at the start. Of several sizes the scenario runs on each, one after the other. */
  events: number | Record<ProfileName, readonly number[]>
  /** Processes of Onsale. `shared`: one port, as in production; `apart`: a port each, so that one can be told from the other. */
  processes: { count: number; ports: 'shared' | 'apart' }
  run(bench: Bench): Promise<void>
  /** Called once at the end with all phases, for figures that hold one size against another. */
  conclude?(bench: Pick<Bench, 'measure'>, phases: readonly PhaseResult[]): void
}

/** What a running scenario works with. */
export type Bench = {
  profile: ProfileName
  /** Events in the database. */
  events: number
  /** Chooses a size by profile. */
  size<T>(sizes: Record<ProfileName, T>): T
  /** What there is to read. */
  shop: Shop
  /** Where Onsale listens: one address for each port. */
  urls: readonly [string, ...string[]]
  /** Signs webhooks, and tokens of users. */
  secret: string
  /** The database as its owner, for looking; null on a target whose database is not known. */
  sql: Sql | null
  /** The processes of Onsale; null on a target. */
  servers: Servers | null
  /** What the figures are held against, measured in the same run. */
  limits: Limits
  /** Sends one webhook and waits for its 200. Throws where it is answered otherwise. */
  deliver(topic: string, body: string): Promise<void>
  /** Runs the scenario's script in k6. */
  k6(phase: K6Phase): Promise<PhaseResult>
  /** Runs the light generator, where k6 would measure itself: it spends more on a request than the server does. */
  generate(phase: GeneratorPhase): Promise<PhaseResult>
  /** Makes every process of Onsale forget what it has cached, and empties Redis. Throws on a target. */
  dropCaches(): Promise<void>
  /** What the service counted from now until `stop`. */
  count(): Promise<Counting>
  /** Requests for the light generator that a module of runner/ makes: `createSource(options)`. */
  sourceOf(module: `${string}_source.ts`, options: unknown): RequestsFrom
  /** Starts one more Onsale on the same database, waits until it is ready and stops it; answers how long that took in ms. */
  timeStart(): Promise<number>
  /** Resident memory of the processes of Onsale together, in bytes; null where the system does not tell. */
  residentBytes(): number | null
  /** A figure for the table at the top of the report. */
  measure(measure: Omit<Measure, 'isMet'>): void
}

export type K6Phase = {
  name: string
  /** By the name of the script's exported function. */
  loads: Record<string, K6Load>
  /** What the script reads as `env`. */
  env?: Record<string, string>
  /** True: another server is measured, to hold ours against; thresholds are not for it. */
  isLimit?: boolean
}

/** How much. Users think between their requests; a rate is kept whatever the answers take (open loop), from `afterS` on. */
export type K6Load =
  | { users: number; rampS: number; holdS: number; thinkS: readonly [least: number, most: number] }
  | { ratePerS: number; seconds: number; vus: number; afterS?: number }
  | { users: number; seconds: number }

/** What the light generator sends to the server at `url`. */
export type GeneratorPhase = { name: string; url: string; load: Omit<GeneratorLoad, 'host' | 'port'> }
