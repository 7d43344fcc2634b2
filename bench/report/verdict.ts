// What a run comes to: whether its figures count, and which goals and thresholds held.

import type { Measure, PhaseResult, Run, ScenarioResult, Threshold } from '../result.ts'
import { counted, percent } from './format.ts'

/** Above this share of the cores something else was at work, and the figures are its, too. */
export const quietShareMax = 0.15
/** Above this share the longest waits are the host's: a core that is away for 10 ms is away for everybody who waits. */
const stolenShareMax = 0.01

/** Why the figures do not count, a sentence each. None: they count. */
export function voidReasons(run: Run): string[] {
  if (run.scenarios.length === 0) return ['Nothing was measured']
  return run.scenarios.flatMap(({ name, fault, verify }) => {
    if (fault !== null) return [`${name}: ${fault}`]
    return verify.length === 0 ? [] : [`${name}: verify found ${counted(verify.length, 'difference')}`]
  })
}

/** What a reader must know before believing the figures, a sentence each. */
export function cautions(run: Run): string[] {
  const all: string[] = []
  if (run.isDirty) all.push('The work tree differed from the commit, so nobody else can repeat this run.')
  const { busyBefore, stolen } = run.machine
  if (busyBefore > quietShareMax) {
    const busy = Math.round(busyBefore * 100)
    all.push(`Something else used ${busy} % of the machine when the run began: the figures are its, too.`)
  }
  if (stolen !== null && stolen > stolenShareMax) {
    all.push(
      `The host of this virtual machine gave ${percent(stolen)} of its cores to others during the run.`,
    )
  }
  const late = phasesOf(run).filter(({ phase }) => phase.dropped > 0)
  if (late.length > 0) {
    const places = late.map(({ scenario, phase }) => `${scenario.name} (${phase.name})`).join(', ')
    all.push(`The generator could not keep up everywhere, so less was sent than was asked for: ${places}.`)
  }
  return all
}

export type Verdict = {
  /** Measures that have a goal, in the order of the run. */
  judged: { scenario: ScenarioResult; measure: Measure }[]
  goalsMet: number
  thresholds: number
  crossed: { scenario: ScenarioResult; phase: PhaseResult; threshold: Threshold }[]
  requests: number
  failed: number
}

/** Counts what held. Says nothing about a void run: ask `voidReasons` first. */
export function verdictOf(run: Run): Verdict {
  const judged = run.scenarios.flatMap((scenario) =>
    scenario.measures.filter(({ goal }) => goal !== null).map((measure) => ({ scenario, measure })),
  )
  const phases = phasesOf(run)
  const thresholds = phases.flatMap(({ scenario, phase }) =>
    phase.thresholds.map((threshold) => ({ scenario, phase, threshold })),
  )
  return {
    judged,
    goalsMet: judged.filter(({ measure }) => measure.isMet === true).length,
    thresholds: thresholds.length,
    crossed: thresholds.filter(({ threshold }) => !threshold.isMet),
    requests: phases.reduce((sum, { phase }) => sum + phase.requests, 0),
    failed: phases.reduce((sum, { phase }) => sum + phase.failed, 0),
  }
}

/** The verdict in a few words: `All 14 goals met`, `Void`. */
export function headlineOf(run: Run): string {
  if (voidReasons(run).length > 0) return 'Void: the figures do not count'
  const { judged, goalsMet, crossed } = verdictOf(run)
  const thresholds = crossed.length === 0 ? '' : `, ${counted(crossed.length, 'threshold')} crossed`
  if (judged.length === 0) return `No goals were judged${thresholds}`
  if (goalsMet < judged.length) return `${goalsMet} of ${counted(judged.length, 'goal')} met${thresholds}`
  return `${judged.length === 1 ? '' : 'All '}${counted(judged.length, 'goal')} met${thresholds}`
}

export function phasesOf(run: Run): { scenario: ScenarioResult; phase: PhaseResult }[] {
  return run.scenarios.flatMap((scenario) => scenario.phases.map((phase) => ({ scenario, phase })))
}
