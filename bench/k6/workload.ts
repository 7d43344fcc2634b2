// How much load a script makes: the runner says it in WORKLOAD, and k6's options are made of it here. Runs in k6; Bun
// only reads past it.

import type { Options, Scenario } from 'k6/options'
import type { K6Load } from '../scenario.ts'
import { type Thresholds, thresholdsFor } from '../thresholds.ts'

/** What the runner said. Empty where Bun reads the file. */
const said: Record<string, string> = typeof __ENV === 'undefined' ? {} : __ENV

/** What the runner tells the script beside the load; a missing name is a mistake of the scenario's. */
export function env(name: string): string {
  const value = said[name]
  if (value === undefined && said.WORKLOAD !== undefined) throw new Error(`The runner did not say ${name}`)
  return value ?? ''
}

const workload: Record<string, K6Load> = JSON.parse(said.WORKLOAD ?? '{}')

/** Seconds between two requests of one user, at random; 0 where the load is a rate. */
export function thinkTime(exec: string): number {
  const load = workload[exec]
  if (load === undefined || !('thinkS' in load)) return 0
  const [least, most] = load.thinkS
  return least + Math.random() * (most - least)
}

/** k6's options of the workload, with the scenario's own thresholds. */
export function optionsOf(thresholds: Thresholds): Options {
  // k6 tells a tag's times only where a threshold is on them; this one always holds.
  const kept = Object.entries(thresholdsFor(said.PROFILE === 'smoke' ? 'smoke' : 'standard', thresholds)).map(
    ([metric, all]) => [metric, all.length > 0 ? all : ['max>=0']],
  )
  return {
    scenarios: Object.fromEntries(
      Object.entries(workload).map(([exec, load]) => [exec, executorOf(exec, load)]),
    ),
    thresholds: Object.fromEntries(kept),
    discardResponseBodies: true,
    noUsageReport: true,
    // Each tag of a sample costs k6 time that it shares with the server.
    systemTags: ['status', 'scenario'],
    summaryTrendStats: ['count', 'min', 'avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
    // An answer that takes longer has failed for whoever waits.
    setupTimeout: '30s',
  }
}

function executorOf(exec: string, load: K6Load): Scenario {
  if ('ratePerS' in load) {
    return {
      executor: 'constant-arrival-rate',
      exec,
      rate: load.ratePerS,
      timeUnit: '1s',
      duration: `${load.seconds}s`,
      startTime: `${load.afterS ?? 0}s`,
      preAllocatedVUs: load.vus,
      gracefulStop: '10s',
    }
  }
  if ('rampS' in load) {
    return {
      executor: 'ramping-vus',
      exec,
      startVUs: 0,
      stages: [
        { duration: `${load.rampS}s`, target: load.users },
        { duration: `${load.holdS}s`, target: load.users },
      ],
      // Thinking users are not waited for.
      gracefulStop: '0s',
      gracefulRampDown: '0s',
    }
  }
  return { executor: 'constant-vus', exec, vus: load.users, duration: `${load.seconds}s`, gracefulStop: '5s' }
}
