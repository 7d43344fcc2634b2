import { expect } from 'bun:test'
import { addJob } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('an event is busy while a write is open, or done and not confirmed for a moment', async (sql) => {
  for (const [nth, state] of ['queued', 'running', 'waiting', 'done', 'failed', 'dead'].entries())
    await addJob(sql, { kind: 'update_event', state, eventId: nth + 1 })
  await addJob(sql, { kind: 'create_event', subject: 'new event onsale-1' })
  const busy = async (now: string) =>
    (
      await sql<{ id: string }[]>`
        select b.event_id::text as id from api.list_busy_events('10 minutes', ${now}::text::timestamptz) b`
    )
      .map(({ id }) => id)
      .toSorted()
  // The tests' jobs were written at 11:00.
  expect(await busy('2026-11-01T11:09:59Z')).toEqual(['1', '2', '3', '4'])
  expect(await busy('2026-11-01T11:10:00Z')).toEqual(['1', '2', '3'])
  await sql`update onsale.jobs set confirmed_at = now() where state = 'done'`
  expect(await busy('2026-11-01T11:01:00Z')).toEqual(['1', '2', '3'])
  // Of events that are not there, which verify would find.
  await sql`delete from onsale.jobs`
})
