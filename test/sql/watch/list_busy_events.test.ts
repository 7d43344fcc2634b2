import { expect } from 'bun:test'
import { addJob } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('an event is busy while a write is open, or done and not confirmed for a moment', async (sql) => {
  for (const state of ['queued', 'running', 'waiting', 'done', 'failed', 'dead'])
    await addJob(sql, { kind: 'update_event', subject: `event ${state.length}${state.charCodeAt(0)}`, state })
  await addJob(sql, { kind: 'create_event', subject: 'new event onsale-1' })
  const busy = async (now: string) =>
    (
      await sql<{ id: string }[]>`
        select b.event_id::text as id from api.list_busy_events('10 minutes', ${now}::text::timestamptz) b`
    ).map(({ id }) => id)
  // The tests' jobs were written at 11:00.
  expect((await busy('2026-11-01T11:09:59Z')).toSorted()).toEqual(['4100', '6113', '7114', '7119'])
  expect((await busy('2026-11-01T11:10:00Z')).toSorted()).toEqual(['6113', '7114', '7119'])
  await sql`update onsale.jobs set confirmed_at = now() where state = 'done'`
  expect((await busy('2026-11-01T11:01:00Z')).toSorted()).toEqual(['6113', '7114', '7119'])
})
