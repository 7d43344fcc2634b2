import type { Distribution, PhaseResult } from './result.ts'

/** What was timed as `kind` in a phase. Throws where nothing was: a scenario that measures nothing must not pass. */
export function latencyOf(phase: PhaseResult, kind: string): Distribution {
  const latency = phase.latencies[kind]
  if (latency === undefined) throw new Error(`"${phase.name}" timed no ${kind}`)
  return latency
}

/** Milliseconds as they are told: three digits that matter. */
export function ms(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
