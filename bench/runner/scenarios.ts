import { readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { plugin } from 'bun'
import type { Scenario } from '../scenario.ts'
import type { Thresholds } from '../thresholds.ts'

const folder = resolve(import.meta.dir, '../scenarios')

export type NamedScenario = { name: string; file: string; scenario: Scenario; thresholds: Thresholds }

type Exported = { scenario?: Scenario; options?: { thresholds?: Thresholds } }

/** k6's modules, which only k6 has: the runner reads a file's `scenario` and calls nothing of them. */
const k6Modules = ['k6', 'k6/http', 'k6/crypto', 'k6/execution', 'k6/metrics', 'k6/ws', 'k6/encoding']

/** Every file of `scenarios/`, by name; a file is all that a new scenario needs. */
export async function readScenarios(): Promise<NamedScenario[]> {
  plugin({
    name: 'k6 modules',
    setup(build) {
      for (const name of k6Modules) {
        build.module(name, () => ({ loader: 'object', exports: placeholder() }))
      }
    },
  })
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .sort()
  return await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name)
      const { scenario, options }: Exported = await import(file)
      if (scenario === undefined) throw new Error(`${file} exports no scenario`)
      const thresholds = options?.thresholds ?? {}
      return { name: basename(name, '.ts').replaceAll('_', '-'), file, scenario, thresholds }
    }),
  )
}

/** What scripts name at load: classes that they make metrics of, and what only k6 calls or fills. */
function placeholder(): Record<string, unknown> {
  class Metric {}
  const nothing = () => {}
  const http = { expectedStatuses: nothing, setResponseCallback: nothing }
  const metrics = { Trend: Metric, Counter: Metric, Rate: Metric, Gauge: Metric }
  return {
    default: http,
    ...http,
    ...metrics,
    sleep: nothing,
    check: nothing,
    scenario: {},
    instance: {},
    vu: {},
  }
}
