import { expect, test } from 'bun:test'
import { compareWithCopy } from '../../bench/limits/copy.ts'
import { openPool } from '../../src/platform/database.ts'
import { serverUrl } from '../harness.ts'

test('seed and COPY load the same rows, which verify, and no database of theirs is left', async () => {
  const url = await serverUrl()
  const comparison = await compareWithCopy(url, { events: 300, rounds: 2 })
  expect(comparison.events).toBe(300)
  // At least an event, its product and its revision, and for a ticket its variant, item, level and counter.
  expect(comparison.rows).toBeGreaterThan(300 * 8)
  expect(comparison.ratios).toHaveLength(2)
  for (const value of [comparison.seedRowsPerS, comparison.copyRowsPerS, ...comparison.ratios]) {
    expect(value).toBeGreaterThan(0)
  }
  const [low, high] = comparison.ratios.toSorted((a, b) => a - b)
  expect(comparison.ratio).toBeGreaterThanOrEqual(low!)
  expect(comparison.ratio).toBeLessThanOrEqual(high!)

  const admin = openPool(url, { name: 'test admin', max: 1 })
  const left =
    await admin`select datname from pg_database where datname like ${`onsale_copy_${process.pid}_%`}`
  await admin.end()
  expect([...left]).toEqual([])
})
