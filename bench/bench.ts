import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, platform, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { version } from '../package.json'
import { readSecret, targetOf } from '../sandbox/target.ts'
import { openPool } from '../src/platform/database.ts'
import { readKept } from '../src/platform/home.ts'
import { Refusal } from '../src/platform/refusal.ts'
import { stopOnSignal } from '../src/platform/shutdown.ts'
import { compare, comparisonText, isWorse } from './report/compare.ts'
import { writeReport } from './report/report.ts'
import { findRun, previousOf, readRuns } from './report/results.ts'
import { updateReadme } from './report/summary.ts'
import { headlineOf, quietShareMax, verdictOf, voidReasons } from './report/verdict.ts'
import type { Machine, ProfileName, Run } from './result.ts'
import { openFilesMax, openFilesWanted, provideK6 } from './runner/k6.ts'
import { createProgress, type Progress } from './runner/progress.ts'
import { runScenario } from './runner/run.ts'
import { busyShare, cores, startStolenShare } from './runner/sampler.ts'
import { type NamedScenario, readScenarios } from './runner/scenarios.ts'
import { enterStage, type Stack, type Stage, startStack } from './runner/stack.ts'

export type BenchOptions = { profile: ProfileName; target?: string; out?: string; readme: boolean }

const root = resolve(import.meta.dir, '..')
const dataFolder = join(root, '.data/bench')
const resultsFolder = join(root, 'bench/results')

/** Runs the scenarios, verifies, writes the report; answers the exit code. */
export async function bench(names: readonly string[], options: BenchOptions): Promise<number> {
  const { profile } = options
  const startedAt = performance.now()
  const progress = createProgress()
  const target = options.target === undefined ? null : targetOf(options.target, { allow_remote: false })
  const scenarios = choose(await readScenarios(), { names, profile, target })
  requireOpenFiles(profile)
  const k6 = provideK6(progress.say)
  const run = describe(profile)
  const isComplete = names.length === 0 && target === null
  const folder = resolve(options.out ?? folderFor(run, { isComplete }))
  const isNew = mkdirSync(folder, { recursive: true }) !== undefined
  run.machine.busyBefore = (await busyShare(1_000)) ?? 0
  if (run.machine.busyBefore > quietShareMax) {
    progress.say(
      `Something else uses ${Math.round(run.machine.busyBefore * 100)} % of this machine: the figures will be its, too`,
    )
  }

  const stolenShare = startStolenShare()
  mkdirSync(dataFolder, { recursive: true })
  const stack =
    target === null ? await startStack(mkdtempSync(join(dataFolder, 'stack-')), progress.say) : null
  let stage: Stage | null = null
  stopOnSignal({
    stop: async () => {
      stage?.kill()
      await stack?.stop()
      // What was measured until then is no run; a folder that was there before is somebody's.
      if (isNew) rmSync(folder, { recursive: true, force: true })
    },
    force: () => {
      stage?.kill()
      stack?.kill()
    },
    exitCode: 130,
  })
  try {
    Object.assign(run.versions, { k6: k6.version, ...(await versionsOf(stack)) })
    Object.assign(run.configuration, await configurationOf(stack, target))
    for (const scenario of scenarios) {
      run.scenarios.push(
        await runScenario(scenario, {
          profile,
          k6,
          folder,
          progress,
          startedAt,
          async enter(wanted, events) {
            stage = stack ? await enterStage(stack, wanted, events) : await visit(target ?? '')
            return stage
          },
        }),
      )
    }
  } finally {
    await stack?.stop()
  }
  run.machine.stolen = stolenShare()
  run.seconds = Math.round((performance.now() - startedAt) / 1000)
  const kept = await readRuns(resultsFolder)
  for (const fault of kept.faults) progress.say(fault)
  await writeReport(run, { folder, previous: previousOf(run, kept.runs) })
  if (options.readme) {
    const shown = await updateReadme({ readme: join(root, 'README.md'), results: resultsFolder })
    progress.say(`The README shows ${shown ?? 'no run: there is no standard one that counts'}`)
  }
  return conclude(run, { progress, folder })
}

/** `--list`. */
export async function listScenarios(): Promise<number> {
  const progress = createProgress()
  for (const { name, scenario } of await readScenarios()) {
    progress.say(`${name.padEnd(14)} ${scenario.about} [${scenario.profiles.join(', ') || 'by name only'}]`)
  }
  return 0
}

/** `compare A B`: tells what changed; answers 2 where something is worse by more than the noise. */
export async function compareRuns(a: string, b: string): Promise<number> {
  const runs = await Promise.all([a, b].map((name) => findRun(name, { results: resultsFolder })))
  const comparison = compare(runs[0]!, runs[1]!)
  process.stdout.write(comparisonText(comparison))
  return isWorse(comparison) ? 2 : 0
}

/** 0: everything held; 1: void, or something failed; 2: a threshold was crossed or a goal missed. */
function conclude(run: Run, { progress, folder }: { progress: Progress; folder: string }): number {
  progress.say(`\n${headlineOf(run)} (${run.seconds} s): ${join(folder, 'report.html')}`)
  const reasons = voidReasons(run)
  for (const reason of reasons) progress.say(`  ${reason}`)
  if (reasons.length > 0) return 1
  const { judged, goalsMet, crossed } = verdictOf(run)
  if (goalsMet === judged.length && crossed.length === 0) return 0
  // What a smoke run judges is right or wrong, not fast or slow.
  return run.profile === 'smoke' ? 1 : 2
}

function choose(
  all: NamedScenario[],
  { names, profile, target }: { names: readonly string[]; profile: Run['profile']; target: string | null },
): NamedScenario[] {
  const known = all.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Refusal(`There is no scenario ${unknown.join(', ')}: ${known.join(', ')}`)
  if (names.length > 0) {
    const chosen = all.filter(({ name }) => names.includes(name))
    const refused = chosen.filter(({ scenario }) => target !== null && !scenario.runsOnTarget)
    if (refused.length > 0) {
      throw new Refusal(
        `${refused.map(({ name }) => name).join(', ')} must own the servers: leave --target out`,
      )
    }
    return chosen
  }
  return all.filter(
    ({ scenario: { profiles, writes, runsOnTarget } }) =>
      profiles.includes(profile) && (target === null || (runsOnTarget && !writes)),
  )
}

function requireOpenFiles(profile: Run['profile']) {
  const limit = openFilesMax()
  if (profile === 'smoke' || limit === null || limit >= openFilesWanted) return
  throw new Refusal(
    `10,000 users need ${openFilesWanted} open files, and this shell allows ${limit}: raise it (as root ` +
      `\`ulimit -Hn ${openFilesWanted}\`, or a line "* hard nofile ${openFilesWanted}" in /etc/security/limits.conf)`,
  )
}

/** A complete run of a commit is kept with the code; others are for who ran them. */
function folderFor({ id, profile, startedAt }: Run, { isComplete }: { isComplete: boolean }): string {
  if (isComplete && profile !== 'smoke') return join(resultsFolder, id)
  const time = startedAt.slice(11, 19).replaceAll(':', '')
  return join(dataFolder, 'results', `${id}-${profile}-${time}`)
}

/** The run before it began. */
function describe(profile: Run['profile']): Run {
  const now = new Date().toISOString()
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''
  const commit = git('rev-parse', '--short=7', 'HEAD') || 'unknown'
  const isDirty = git('status', '--porcelain', '--', '.', ':!bench/results') !== ''
  return {
    id: `${now.slice(0, 10)}-${commit}${isDirty ? '-dirty' : ''}`,
    commit,
    isDirty,
    profile,
    startedAt: now,
    seconds: 0,
    machine: machine(),
    versions: { onsale: version, bun: Bun.version },
    configuration: {},
    scenarios: [],
  }
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()}`,
    openFilesMax: openFilesMax() ?? 0,
    busyBefore: 0,
    stolen: null,
  }
}

async function versionsOf(stack: Stack | null): Promise<Record<string, string>> {
  if (stack === null) return {}
  const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  return {
    postgres: (await settings(stack.postgres.url, ['server_version'])).server_version ?? '',
    redis: /v=(\S+)/.exec(redis)?.[1] ?? 'none',
  }
}

async function configurationOf(stack: Stack | null, target: string | null): Promise<Record<string, string>> {
  if (stack === null) return { target: target ?? '' }
  return {
    target: 'own servers on this machine, the generator beside them',
    redis: stack.redis.url === null ? 'none' : 'on',
    ...(await settings(stack.postgres.url, [
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'shared_buffers',
      'max_wal_size',
    ])),
  }
}

async function settings(url: string, names: readonly string[]): Promise<Record<string, string>> {
  const sql = openPool(url, { name: 'bench', max: 1 })
  try {
    const rows = await sql<{ name: string; value: string }[]>`
      select name, current_setting(name) as value from pg_settings where name in ${sql(names)}`
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** A server that was running already. Its database is that of DATABASE_URL, or of the `up` that serves there. */
async function visit(target: string): Promise<Stage> {
  const kept = readKept(process.env.DATA_DIR || '.data')
  const isUp = kept.PORT === new URL(target).port
  const url = process.env.DATABASE_URL || (isUp ? kept.DATABASE_URL : undefined)
  const sql = url ? openPool(url, { name: 'bench', max: 2, statementTimeoutMs: 0 }) : null
  return {
    urls: [target],
    secret: await readSecret(process.env).catch(() => ''),
    sql,
    servers: null,
    parties: {},
    adminUrl: null,
    timeStart: () => Promise.reject(new Error('A target is not started by the benchmark')),
    dropCaches: () => Promise.reject(new Error('The caches of a target are not dropped by the benchmark')),
    leave: async () => {
      await sql?.end({ timeout: 1 })
    },
    kill: () => {},
  }
}
