import { SingleBar } from 'cli-progress'
import type { Measure, PhaseResult } from '../result.ts'

/** What a person sees while it runs: on a terminal the running phase with its time, elsewhere a line for what is done. */
export type Progress = ReturnType<typeof createProgress>

export function createProgress({ out = process.stdout }: { out?: NodeJS.WriteStream } = {}) {
  let clock: { bar: SingleBar; timer: Timer } | null = null
  return {
    say: print,
    scenario(name: string, about: string) {
      print(`\n${name}: ${about}`)
    },
    phase(name: string) {
      if (!out.isTTY) return
      const bar = new SingleBar({
        format: `  ${name} … {value} s`,
        hideCursor: true,
        clearOnComplete: true,
        stream: out,
      })
      bar.start(1, 0)
      const startedAt = performance.now()
      const timer = setInterval(() => bar.update(Math.round((performance.now() - startedAt) / 1000)), 1000)
      clock = { bar, timer }
    },
    phaseDone(phase: PhaseResult) {
      stopClock()
      print(`  ${lineOf(phase)}`)
      for (const { metric, expression, isMet } of phase.thresholds) {
        if (!isMet) print(`    crossed: ${metric} ${expression}`)
      }
    },
    measure({ name, value, unit, goal, isMet, detail }: Measure) {
      const judged =
        goal === null ? '' : ` (goal ${goal.is} ${goal.value}${unitWord(unit)}: ${isMet ? 'met' : 'missed'})`
      print(`  = ${name}: ${short(value)}${unitWord(unit)}${judged}. ${detail}`)
    },
    fault(reason: string) {
      stopClock()
      print(`  ! ${reason}`)
    },
  }

  function stopClock() {
    if (clock === null) return
    clearInterval(clock.timer)
    clock.bar.stop()
    clock = null
  }

  function print(line: string) {
    out.write(`${line}\n`)
  }
}

function lineOf({
  name,
  seconds,
  requests,
  failed,
  dropped,
  rateAsked,
  rateHeld,
  latencies,
}: PhaseResult): string {
  const asked = rateAsked === null ? '' : ` of ${Math.round(rateAsked).toLocaleString('en')} asked`
  const times = Object.entries(latencies).map(
    ([kind, { p50, p95, p99 }]) => `${kind} p50 ${short(p50)} p95 ${short(p95)} p99 ${short(p99)} ms`,
  )
  return [
    `${name} (${Math.round(seconds)} s): ${requests.toLocaleString('en')} requests, ${Math.round(rateHeld).toLocaleString('en')} a second${asked}`,
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(dropped > 0 ? [`${dropped} not sent`] : []),
    ...times,
  ].join('; ')
}

function unitWord(unit: string): string {
  return unit === '' ? '' : ` ${unit}`
}

/** Three digits that matter. */
function short(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)))
}
