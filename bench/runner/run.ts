import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createIntakeCalls } from '../../src/intake/calls.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { Measure, PhaseResult, ProfileName, ScenarioResult } from '../result.ts'
import type { Bench, Scenario } from '../scenario.ts'
import type { Thresholds } from '../thresholds.ts'
import { startGenerator } from './generator.ts'
import { type K6, runK6 } from './k6.ts'
import { createLimits } from './limits.ts'
import type { Progress } from './progress.ts'
import { canSample, familyOf, residentBytes, startSampler } from './sampler.ts'
import type { NamedScenario } from './scenarios.ts'
import { type Counting, startCounting } from './service_counts.ts'
import { surveyShop } from './shop.ts'
import { deliver, type Stage } from './stack.ts'

export type RunOptions = {
  profile: ProfileName
  k6: K6
  /** Where k6's own summaries are left. */
  folder: string
  progress: Progress
  /** performance.now() at the run's start. */
  startedAt: number
  /** Starts what the scenario runs against. */
  enter: (scenario: Scenario, events: number) => Promise<Stage>
}

/**
 * Runs one scenario, on each size of database it asks for, and verifies afterwards. What breaks is a fault of its
 * result: the other scenarios still run.
 */
export async function runScenario(
  { name, file, scenario, thresholds }: NamedScenario,
  options: RunOptions,
): Promise<ScenarioResult> {
  const { profile, progress } = options
  const startedAt = performance.now()
  const result: ScenarioResult = {
    name,
    about: scenario.about,
    seconds: 0,
    fault: null,
    verify: [],
    phases: [],
    measures: [],
  }
  const measure = (given: Omit<Measure, 'isMet'>) => {
    const judged = judge(given, profile)
    result.measures.push(judged)
    progress.measure(judged)
  }
  progress.scenario(name, scenario.about)
  try {
    const sizes = typeof scenario.events === 'number' ? [scenario.events] : scenario.events[profile]
    for (const events of sizes) {
      const stage = await options.enter(scenario, events)
      try {
        await scenario.run(await benchOf({ stage, events, file, thresholds, name, result, measure }, options))
        result.verify.push(...(await verify(stage)))
      } finally {
        await stage.leave()
      }
    }
    scenario.conclude?.({ measure }, result.phases)
  } catch (error) {
    result.fault = error instanceof Error ? error.message : String(error)
  }
  if (result.verify.length > 0) {
    const first = result.verify[0]
    result.fault ??= `verify found ${result.verify.length} differences, the first: ${first}`
  }
  if (result.fault !== null) progress.fault(result.fault)
  result.seconds = Math.round((performance.now() - startedAt) / 100) / 10
  return result
}

type Context = {
  stage: Stage
  events: number
  file: string
  thresholds: Thresholds
  name: string
  result: ScenarioResult
  measure: Bench['measure']
}

async function benchOf(context: Context, options: RunOptions): Promise<Bench> {
  const { stage, events, file, thresholds, name, result, measure } = context
  const { profile, k6, folder, progress } = options
  const { urls, secret, sql, servers } = stage
  const shop = await surveyShop(urls[0], { pages: profile === 'smoke' ? 1 : 5 })
  const summaries = join(folder, 'k6')
  mkdirSync(summaries, { recursive: true })

  return {
    profile,
    events,
    size: (sizes) => sizes[profile],
    shop,
    urls,
    secret,
    sql,
    servers,
    limits: createLimits(stage.adminUrl),
    dropCaches: stage.dropCaches,
    count: () => startCounting(urls),
    sourceOf: (module, options) => ({ module: join(import.meta.dir, module), options }),
    timeStart: stage.timeStart,
    deliver: (topic, body) => deliver(urls[0], secret, topic, body),
    residentBytes: () =>
      servers === null || !canSample
        ? null
        : servers
            .pids()
            .flatMap(familyOf)
            .reduce((sum, pid) => sum + residentBytes(pid), 0),
    measure,

    k6: (phase) =>
      observed(phase.name, (onStart) =>
        runK6({
          k6,
          script: file,
          thresholds,
          profile,
          phase,
          env: {
            URLS: JSON.stringify(urls),
            SECRET: secret,
            SHOP: JSON.stringify(shop),
          },
          summaryPath: join(summaries, `${name}-${result.phases.length + 1}.json`),
          onStart,
        }),
      ),

    generate: ({ name, url, load }) =>
      observed(name, async (onStart) => {
        const { pid, result } = startGenerator({ ...load, port: Number(new URL(url).port) })
        if (pid !== undefined) onStart(pid)
        const { seconds, requests, failed, dropped, rateAsked, rateHeld, latencies, series } = await result
        const words =
          load.rate === null
            ? `${load.connections} connections without a pause`
            : `${load.rate.toLocaleString('en')} a second, whatever the answers take`
        return {
          name,
          load: words,
          seconds,
          requests,
          failed,
          dropped,
          rateAsked,
          rateHeld,
          latencies,
          series,
          thresholds: [],
        }
      }),
  }

  /** Runs a phase and looks at everything meanwhile. */
  async function observed(
    phaseName: string,
    run: (onStart: (pid: number) => void) => Promise<Omit<PhaseResult, 'startedAtS' | 'service'>>,
  ): Promise<PhaseResult> {
    const startedAtS = Math.round((performance.now() - options.startedAt) / 100) / 10
    progress.phase(phaseName)
    const generator: number[] = []
    const counting = await startCounting(urls)
    const sampler = startSampler({ ...stage.parties, generator: () => generator })
    let measured: Omit<PhaseResult, 'startedAtS' | 'service'>
    let sampled: PhaseResult['series'] = []
    let counted: Awaited<ReturnType<Counting['stop']>> = null
    try {
      measured = await run((pid) => generator.push(pid))
    } finally {
      // Also of a phase that broke: what goes on looking would keep the run from ending.
      sampled = sampler.stop()
      counted = await counting.stop()
    }
    const phase: PhaseResult = {
      ...measured,
      startedAtS,
      series: [...measured.series, ...sampled, ...(counted?.series ?? [])],
      service: counted?.counts ?? null,
    }
    result.phases.push(phase)
    progress.phaseDone(phase)
    return phase
  }
}

/** Whether the figure reaches its goal. A smoke run judges what must be 0, and tells the rest: it may run beside anything. */
export function judge(measure: Omit<Measure, 'isMet'>, profile: ProfileName): Measure {
  const { goal, value } = measure
  if (goal === null || (profile === 'smoke' && goal.value !== 0))
    return { ...measure, goal: null, isMet: null }
  return { ...measure, isMet: goal.is === '<=' ? value <= goal.value : value >= goal.value }
}

/** What `verify` finds, a line each; and a line where it could not be asked, because then nothing is known. */
export async function verify({ sql }: Pick<Stage, 'sql'>): Promise<string[]> {
  if (sql === null) return ['verify was not run: set DATABASE_URL to the database of the target']
  const drift = await createIntakeCalls(sql, createMetrics()).verify()
  return drift.map(
    ({ kind, key, field, expected, actual }) =>
      `${kind} ${key}: ${field} is ${actual ?? 'null'}, the facts say ${expected ?? 'null'}`,
  )
}
