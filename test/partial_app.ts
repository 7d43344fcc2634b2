import { type AppDeps, buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createLog } from '../src/platform/log.ts'
import { createMetrics } from '../src/platform/metrics.ts'

/** The app with those parts of it that a test asks. The routes of the others are there, with nothing behind them. */
export function buildPartialApp(parts: Partial<AppDeps>) {
  const metrics = parts.metrics ?? createMetrics()
  const known = {
    config: readConfig({}),
    log: createLog({ level: 'silent', destination: { write: () => {} } }),
    metrics,
    simulator: null,
    deliveries: { replaying: { metrics }, providers: [] },
    readMetrics: async () => '',
    ...parts,
  }
  const deps = new Proxy(known, {
    get: (given, name) => (name in given ? Reflect.get(given, name) : {}),
  })
  return buildApp(deps as unknown as AppDeps)
}
