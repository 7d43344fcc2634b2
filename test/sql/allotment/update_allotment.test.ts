import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { auditOf, revisionsOf, shownEvent } from '../../admin.ts'
import { allotmentOf, mirrored } from '../../allotment.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const move = (sql: Session, { event, ticket }: { event: number; ticket: number }, delta: number) => sql`
  select api.update_allotment(
    p_event_id => ${event}::bigint, p_ticket_id => ${ticket}::bigint, p_delta => ${delta}::bigint, p_actor => 'user 7',
    p_now => '2026-11-01T12:05:00Z'
  )`

check(
  'the first units open the channel, later ones add to it and take from it, and each is in the audit log',
  async (sql) => {
    const made = await mirrored(sql)
    expect(await shownEvent(sql, made.event)).toMatchObject({ channels: { direct: null }, capacity: 10 })
    await move(sql, made, 4)
    expect(await shownEvent(sql, made.event)).toMatchObject({
      channels: { shopify: { available: 10 }, direct: { available: 4 } },
      capacity: 14,
      tickets: [{ version: 2, channels: { direct: { capacity: 4, sold: 0, held: 0, available: 4 } } }],
    })
    await move(sql, made, -3)
    expect(await allotmentOf(sql, made.ticket)).toBe(1)
    expect((await auditOf(sql, `ticket ${made.ticket}`)).map(({ before, after }) => [before, after])).toEqual(
      [
        [{ allotment: 0 }, { allotment: 4 }],
        [{ allotment: 4 }, { allotment: 1 }],
      ],
    )
  },
  // Units that no move has moved.
  { isVerified: false },
)

check('caches hear of each change, and of none that is nothing', async (sql) => {
  const made = await mirrored(sql)
  const [revision] = await revisionsOf(sql, made.event)
  await move(sql, made, 0)
  expect(await allotmentOf(sql, made.ticket)).toBeNull()
  await move(sql, made, 2)
  await move(sql, made, -2)
  expect((await revisionsOf(sql, made.event))[0]).toBe(revision + 2)
})
