import { expect, test } from 'bun:test'
import { distributionOf, percentile, Samples } from '../../bench/runner/distribution.ts'

test('percentiles are values that occurred, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  expect([50, 90, 95, 99, 99.9, 100].map((percent) => percentile(hundred, percent))).toEqual([
    50, 90, 95, 99, 100, 100,
  ])
  expect(percentile([7], 50)).toBe(7)
})

test('a distribution tells the 99.9th percentile only of a thousand values', () => {
  const few = Array.from({ length: 999 }, (_, index) => index + 1)
  expect(distributionOf(few)).toEqual({
    count: 999,
    min: 1,
    mean: 500,
    p50: 500,
    p90: 900,
    p95: 950,
    p99: 990,
    p999: null,
    max: 999,
  })
  expect(distributionOf([...few, 1_000])?.p999).toBe(999)
})

test('of nothing there is no distribution', () => {
  expect(distributionOf([])).toBeNull()
})

test('samples grow past their room and come back in order', () => {
  const samples = new Samples()
  for (let value = 5_000; value > 0; value--) samples.add(value)
  expect(samples.count).toBe(5_000)
  const sorted = samples.sorted()
  expect([sorted[0], sorted[4_999]]).toEqual([1, 5_000])
  expect([...samples.sorted(0, 3)]).toEqual([4_998, 4_999, 5_000])
})
