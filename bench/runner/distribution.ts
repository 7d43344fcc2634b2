import type { Distribution } from '../result.ts'

/** Numbers that keep coming: 4 bytes each, so that millions of latencies fit. Seven digits are kept of each. */
export class Samples {
  #values = new Float32Array(1_024)
  count = 0

  add(value: number): void {
    if (this.count === this.#values.length) {
      const larger = new Float32Array(this.count * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.count++] = value
  }

  /** A copy of those from one position to another, ascending. */
  sorted(from = 0, to = this.count): Float32Array {
    return this.#values.slice(from, to).sort()
  }
}

/** Of ascending values, to three digits behind the point; null where there are none. */
export function distributionOf(sorted: ArrayLike<number>): Distribution | null {
  const count = sorted.length
  if (count === 0) return null
  let sum = 0
  for (let index = 0; index < count; index++) sum += sorted[index]!
  return {
    count,
    min: rounded(sorted[0]!),
    mean: rounded(sum / count),
    p50: percentile(sorted, 50),
    p90: percentile(sorted, 90),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    p999: count < 1_000 ? null : percentile(sorted, 99.9),
    max: rounded(sorted[count - 1]!),
  }
}

/** The smallest of ascending values that so many percent of them do not exceed (nearest rank), to three digits. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  // Multiplied first: 0.999 * 1,000 is a little more than 999.
  const rank = Math.ceil((percent * sorted.length) / 100)
  return rounded(sorted[Math.max(0, rank - 1)] ?? Number.NaN)
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
