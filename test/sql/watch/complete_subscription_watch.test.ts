import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('the outcome is kept, and the next one takes its place', async (sql) => {
  for (const [count, time] of [
    [2, '12:00:00'],
    [0, '12:15:00'],
  ] as const) {
    const at = `2026-11-01T${time}Z`
    await sql`select from api.complete_subscription_watch(${count}::integer, ${at}::text::timestamptz)`
    const [row] = await sql`select fault_count, completed_at from onsale.subscription_watch`
    expect(row).toEqual({ fault_count: count, completed_at: new Date(at) })
  }
})
