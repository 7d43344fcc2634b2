import { searchChangesEveryMs, searchChangesMin } from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import { createCatalogCalls } from './calls.ts'

/**
 * What the catalog does by itself: takes edits into the bitmaps of search. `sql` is the primary. Any number of processes
 * may run it side by side: one at a time is at it.
 */
export function startCatalogTasks(deps: { sql: Sql; log: Log; metrics: Metrics }): RepeatedTask {
  const { sql, log, metrics } = deps
  const calls = createCatalogCalls(metrics)
  return repeat(
    async (isStopping) => {
      while (!isStopping() && (await calls.applySearchChanges(sql, { changesMin: searchChangesMin }))) {}
    },
    { everyMs: searchChangesEveryMs, name: 'take edits into the bitmaps of search', log },
  )
}
