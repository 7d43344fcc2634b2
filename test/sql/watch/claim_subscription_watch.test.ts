import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

const claim = async (sql: TransactionSql, time: string) =>
  (
    await sql`
      select * from api.claim_subscription_watch('15 minutes', ${`2026-11-01T${time}Z`}::text::timestamptz)`
  )[0]
const url = 'https://tickets.example/webhooks/shopify'

check('where the shop was told no address there is nothing to look at', async (sql) => {
  expect(await claim(sql, '12:00:00')).toEqual({
    is_claimed: false,
    url: null,
    completed_at: null,
    fault_count: null,
  })
})

check('one of those who ask gets it, and the next one when it is due again', async (sql) => {
  await sql`select from api.update_subscription_watch(${url}::text)`
  expect(await claim(sql, '12:00:00')).toMatchObject({ is_claimed: true, url })
  expect(await claim(sql, '12:14:59')).toMatchObject({ is_claimed: false, url })
  expect(await claim(sql, '12:15:00')).toMatchObject({ is_claimed: true })
})

check('everybody hears how the newest one came out', async (sql) => {
  await sql`select from api.update_subscription_watch(${url}::text)`
  await claim(sql, '12:00:00')
  await sql`select from api.complete_subscription_watch(3, '2026-11-01T12:00:05Z')`
  expect(await claim(sql, '12:01:00')).toMatchObject({
    fault_count: 3,
    completed_at: new Date('2026-11-01T12:00:05Z'),
  })
})
