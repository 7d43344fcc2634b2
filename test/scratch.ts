import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import type { Delivery, Outcome } from '../src/intake/model.ts'
import { textArray } from '../src/platform/database.ts'
import { applyAll, stateOf } from './deliveries.ts'
import { expectVerified, rollbackTest, type TestDatabase, testDatabase } from './harness.ts'

export type ScratchTest = (
  name: string,
  work: (sql: TransactionSql) => Promise<void>,
  options?: { isVerified?: boolean },
) => void

/**
 * Tests of SQL, each in a transaction of its own that is rolled back: the whole file shares one database. What a
 * test leaves behind is verified before it goes, unless the test damages the counters on purpose.
 */
export function scratchTests(): ScratchTest {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase({ connections: 2 })
  })
  afterAll(() => database.drop())
  return (name, work, { isVerified = true } = {}) => {
    test(
      name,
      () =>
        rollbackTest(database.admin, async (sql) => {
          await work(sql)
          if (isVerified) await expectVerified(sql)
        }),
      30_000,
    )
  }
}

/** What a function refuses with, as its SQLSTATE; null: it did not. The transaction goes on. */
export async function sqlStateOf(
  sql: TransactionSql,
  work: (sql: TransactionSql) => Promise<unknown>,
): Promise<string | null> {
  try {
    await sql.savepoint(work)
    return null
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** As `apply` of deliveries.ts, at a time of the test's choosing, and as a replay where it says so. */
export async function applyAt(
  sql: TransactionSql,
  now: string,
  batch: readonly Delivery[],
  { isReplay = false } = {},
): Promise<{ outcome: Outcome; reason: string | null }[]> {
  const texts = (get: (delivery: Delivery) => string | null) => textArray(batch.map(get))
  const rows = await sql<{ outcome: Outcome; reason: string | null }[]>`
    select r.outcome, r.reason
    from api.apply_deliveries(
      p_shops => ${texts((delivery) => delivery.shop)}::text[],
      p_delivery_ids => ${texts((delivery) => delivery.deliveryId)}::text[],
      p_topics => ${texts((delivery) => delivery.topic)}::text[],
      p_triggered_ns => ${texts((delivery) => delivery.triggeredNs)}::text[]::bigint[],
      p_event_ids => ${texts((delivery) => delivery.eventId)}::text[],
      p_api_versions => ${texts((delivery) => delivery.apiVersion)}::text[],
      p_bodies => ${Buffer.concat(batch.map((delivery) => delivery.body)).toString()}::text,
      p_body_lengths => ${texts((delivery) => String(delivery.body.length))}::text[]::integer[],
      p_descriptions => ${texts((delivery) => delivery.description)}::text[],
      p_is_replay => ${isReplay}::boolean,
      p_now => ${now}::text::timestamptz
    ) r`
  return rows.map(({ outcome, reason }) => ({ outcome, reason }))
}

/**
 * Applies the deliveries in every order, one by one, and in two orders as one batch: all must end in the same rows,
 * which it returns.
 */
export async function expectAnyOrder(
  sql: TransactionSql,
  deliveries: readonly Delivery[],
): Promise<Record<string, unknown[]>> {
  const wanted = await stateAfter([deliveries])
  expect(await stateAfter([deliveries.toReversed()])).toEqual(wanted)
  for (const order of permutationsOf(deliveries)) {
    expect(await stateAfter(order.map((delivery) => [delivery]))).toEqual(wanted)
  }
  return wanted

  function stateAfter(batches: readonly (readonly Delivery[])[]) {
    return undone(sql, async (sql) => {
      for (const batch of batches) await applyAll(sql, batch)
      await expectVerified(sql)
      return stateOf(sql)
    })
  }
}

/** Does the work in a savepoint, rolls it back, and answers what it answered. */
export async function undone<T>(sql: TransactionSql, work: (sql: TransactionSql) => Promise<T>): Promise<T> {
  await sql`savepoint undone`
  try {
    return await work(sql)
  } finally {
    await sql`rollback to savepoint undone`
  }
}

function permutationsOf<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((first, index) =>
    permutationsOf(items.filter((_, other) => other !== index)).map((rest) => [first, ...rest]),
  )
}
