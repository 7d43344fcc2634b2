import type { Random } from './random.ts'

/** What goes wrong at the far side. Shares are from 0 to 1, of requests that no earlier line of the list has met. */
export interface Faults {
  /** Points the bucket holds, points it gets back a second, and points one request may ask for at most */
  bucket_size: number
  restore_rate: number
  request_cost_max: number
  /** HTTP 200, with THROTTLED inside, although the bucket is not empty */
  throttled_share: number
  /** HTTP 429 with Retry-After of so many seconds */
  too_many_share: number
  retry_after_s: number
  /** HTTP 500, 502, 503 or 504; nothing was done */
  error_share: number
  /** Answers that take so many milliseconds more, at random between the two */
  slow_share: number
  slow_ms: readonly [number, number]
  /** The change is made, and then the connection ends without an answer */
  lost_answer_share: number
  /** The change is made, and then the answer is no JSON, or ends early */
  garbage_share: number
  /** The change is made, and then the answer is so large */
  huge_share: number
  huge_bytes: number
  /** All of the above meet only requests with one of these fields at the top; empty: all */
  only: readonly string[]
  /** After so many they end; null: they do not */
  left: number | null
  /** Whether 2026-04 and later demand keys where Shopify does */
  keys_demanded: boolean
  /** How long bulk operations run, and asynchronous mutations go on after their answer */
  bulk_ms: number
  later_ms: number
  /** Bulk operations end as FAILED, with half of the lines */
  bulk_fails: boolean
  /** Webhooks: the share that is sent twice, whether those of one change come in any order, and how long each is held back */
  duplicates: number
  shuffle: boolean
  delay_ms: readonly [number, number]
}

export const NO_FAULTS: Faults = {
  bucket_size: 1000,
  restore_rate: 50,
  request_cost_max: 1000,
  throttled_share: 0,
  too_many_share: 0,
  retry_after_s: 2,
  error_share: 0,
  slow_share: 0,
  slow_ms: [500, 2000],
  lost_answer_share: 0,
  garbage_share: 0,
  huge_share: 0,
  huge_bytes: 50_000_000,
  only: [],
  left: null,
  keys_demanded: true,
  bulk_ms: 300,
  later_ms: 300,
  bulk_fails: false,
  duplicates: 0,
  shuffle: false,
  delay_ms: [0, 0],
}

/** A line of help for each fault that has a flag of its own */
export const FAULT_FLAGS = {
  bucket_size: 'points the bucket holds',
  restore_rate: 'points the bucket gets back a second',
  request_cost_max: 'points one request may ask for',
  throttled_share: 'requests answered THROTTLED although the bucket is not empty',
  too_many_share: 'requests answered 429',
  retry_after_s: 'what a 429 says in Retry-After',
  error_share: 'requests answered 500 to 504, with nothing done',
  slow_share: 'requests answered late',
  slow_ms: 'how late: 500 or 500-2000',
  lost_answer_share: 'requests that are done, and then the connection is closed without an answer',
  garbage_share: 'requests that are done, and then answered with what is no JSON',
  huge_share: 'requests that are done, and then answered with --huge-bytes',
  huge_bytes: 'how large a huge answer is',
  bulk_ms: 'how long bulk operations run',
  later_ms: 'how long asynchronous mutations go on after their answer',
  bulk_fails: 'bulk operations end as FAILED, with half of their lines',
  keys_demanded: 'take inventory mutations without @idempotent, too',
} as const satisfies Partial<Record<keyof Faults, string>>

/** Reads some of the faults as they come by `POST /control`; a sentence where they are not such. */
export function readFaults(given: unknown): Partial<Faults> | string {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return 'A JSON object is wanted'
  for (const [name, value] of Object.entries(given)) {
    if (!(name in NO_FAULTS))
      return `There is no fault "${name}"; there are ${Object.keys(NO_FAULTS).join(', ')}`
    const wanted = wantedOf(name as keyof Faults)
    if (!wanted.fits(value)) return `"${name}" wants ${wanted.what}, not ${JSON.stringify(value)}`
  }
  return given as Partial<Faults>
}

function wantedOf(name: keyof Faults): { what: string; fits: (value: unknown) => boolean } {
  const isCount = (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value)
  const isList = (value: unknown, fits: (one: unknown) => boolean) =>
    Array.isArray(value) && value.every(fits)
  if (name === 'only')
    return { what: 'a list of names', fits: (value) => isList(value, (one) => typeof one === 'string') }
  if (name === 'left')
    return { what: 'a number from 0 on, or null', fits: (value) => value === null || isCount(value) }
  if (typeof NO_FAULTS[name] === 'boolean')
    return { what: 'true or false', fits: (value) => typeof value === 'boolean' }
  if (Array.isArray(NO_FAULTS[name])) {
    const fits = (value: unknown) =>
      isList(value, isCount) &&
      (value as number[]).length === 2 &&
      Number((value as number[])[0]) <= Number((value as number[])[1])
    return { what: 'two numbers, the lower one first', fits }
  }
  if (name.endsWith('_share'))
    return { what: 'a share from 0 to 1', fits: (value) => isCount(value) && Number(value) <= 1 }
  return { what: 'a number from 0 on', fits: isCount }
}

/** What happens to one request */
export type Mishap = 'throttled' | 'too_many' | 'error' | 'slow' | 'lost_answer' | 'garbage' | 'huge'

const MISHAPS = ['throttled', 'too_many', 'error', 'slow', 'lost_answer', 'garbage', 'huge'] as const

/** Draws what happens to a request with these fields at the top; counts `left` down. */
export function mishapOf(faults: Faults, fields: readonly string[], random: Random): Mishap | null {
  if (faults.left === 0) return null
  if (faults.only.length > 0 && !fields.some((field) => faults.only.includes(field))) return null
  const mishap = MISHAPS.find((name) => random.chance(faults[`${name}_share`])) ?? null
  if (mishap && faults.left !== null) faults.left--
  return mishap
}
