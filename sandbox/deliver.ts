import { createHmac } from 'node:crypto'
import { createRandom } from './random.ts'
import type { Delivery } from './world.ts'

/** In which order, how often and when deliveries are sent */
export interface PlanOptions {
  /** The same seed sends in the same order; default `plan` */
  seed?: string
  /** Share of deliveries sent a second time, with the same id and bytes; above 1 some are sent a third time. Default 0 */
  duplicates?: number
  /** True: any order. A number: each moves by at most so many places. Default: the order in which they left the shop */
  shuffle?: boolean | number
  /** Requests started a second, whether or not earlier ones were answered; default: as fast as `concurrency` lets */
  rate?: number | null
  /** Each delivery is held back by so many milliseconds, at random between the two; default none */
  delay_ms?: readonly [low: number, high: number]
}

export interface DeliverOptions extends PlanOptions {
  /** Where Onsale listens: `http://127.0.0.1:3000` */
  url: string
  /** Signs the bodies */
  secret: string
  /** The exact address everything goes to, for a subscription that names one; default: Onsale's paths under `url` */
  uri?: string
  /** Aborted, it starts nothing more, and what was not answered counts as nothing */
  signal?: AbortSignal
  /** Requests under way at once; default 64. Bun's fetch itself stops at 256. */
  concurrency?: number
  /** What is not answered 200 is repeated for so long, then given up as lost; default 120,000 ms */
  patience_ms?: number
  onProgress?: (answered: number, requests: number) => void
}

export interface DeliveryReport {
  /** Requests that were planned: deliveries and their duplicates */
  readonly requests: number
  /** Of these, answered 200 in the end */
  readonly answered: number
  /** Words of the 200 answers: applied, duplicate, stale, ignored, failed */
  readonly outcomes: Readonly<Record<string, number>>
  /** Every try by its HTTP status, or by the error's code where there was none */
  readonly statuses: Readonly<Record<string, number>>
  /** Tries after the first one of a request */
  readonly repeats: number
  /** Requests that repeating cannot help, such as 401: the first few, with what was said */
  readonly refused: readonly { topic: string; status: number; answer: string }[]
  readonly refused_count: number
  /** Requests never answered 200 within the patience */
  readonly lost_count: number
  readonly seconds: number
  /** Of requests answered 200, in milliseconds; with a rate or a delay counted from the moment they were due */
  readonly latency_ms: {
    readonly p50: number
    readonly p95: number
    readonly p99: number
    readonly max: number
  }
}

/**
 * Sends deliveries the way Shopify does: signed, over kept connections, given up after 5 s, repeated until answered 200.
 * With a rate the arrivals are open-loop: a slow server does not slow them down, and waiting counts as latency.
 */
export async function deliver(
  deliveries: readonly Delivery[],
  options: DeliverOptions,
): Promise<DeliveryReport> {
  const { concurrency = 64, patience_ms = 120_000, onProgress } = options
  const plan = planOf(deliveries.length, options)
  const timed = Boolean(options.rate) || (options.delay_ms?.[1] ?? 0) > 0
  const endpoint = `${options.url.replace(/\/$/, '')}/webhooks`
  const outcomes: Record<string, number> = {}
  const statuses: Record<string, number> = {}
  const refused: { topic: string; status: number; answer: string }[] = []
  const latencies: number[] = []
  const again: Job[] = []
  let next = 0
  let underWay = 0
  let answered = 0
  let repeats = 0
  let refusedCount = 0
  let lostCount = 0
  let wake: () => void = () => {}

  const start_ms = performance.now()
  const elapsed = () => performance.now() - start_ms
  const count = (tally: Record<string, number>, word: string) => {
    tally[word] = (tally[word] ?? 0) + 1
  }

  options.signal?.addEventListener('abort', () => wake())
  while (next < plan.length || again.length > 0 || underWay > 0) {
    if (options.signal?.aborted) break
    const now_ms = elapsed()
    const job = underWay < concurrency ? take(now_ms) : null
    if (job) {
      underWay++
      void attempt(job).finally(() => {
        underWay--
        wake()
      })
      continue
    }
    const due_ms =
      underWay < concurrency
        ? Math.min(plan[next]?.due_ms ?? Infinity, again[0]?.due_ms ?? Infinity)
        : Infinity
    await new Promise<void>((resolve) => {
      const timer = due_ms < Infinity ? setTimeout(resolve, Math.max(0, due_ms - now_ms)) : undefined
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function take(now_ms: number): Job | null {
    if (again[0] && again[0].due_ms <= now_ms) return again.shift()!
    const planned = plan[next]
    if (!planned || planned.due_ms > now_ms) return null
    const job = { index: planned.index, nth: next++, due_ms: planned.due_ms, first_ms: null, tries: 0 }
    return job
  }

  async function attempt(job: Job): Promise<void> {
    const delivery = deliveries[job.index]!
    const sent_ms = elapsed()
    job.first_ms ??= timed ? job.due_ms : sent_ms
    if (job.tries++ > 0) repeats++
    const address = options.uri ?? pathOf(endpoint, delivery, job.nth)
    const { status, answer } = await post(address, delivery, options.secret)
    count(statuses, String(status))
    if (status === 200) {
      latencies.push(elapsed() - job.first_ms)
      count(outcomes, outcomeOf(answer))
      answered++
      if (answered % 50 === 0) onProgress?.(answered, plan.length)
    } else if (typeof status === 'number' && HOPELESS.has(status)) {
      refusedCount++
      if (refused.length < 5) refused.push({ topic: delivery.topic, status, answer: answer.slice(0, 300) })
    } else if (elapsed() - job.first_ms > patience_ms) {
      lostCount++
    } else {
      // Doubling, as Shopify does, but in a test's time: 100 ms to 2 s instead of minutes to hours
      const wait_ms = Math.min(2000, 100 * 2 ** Math.min(job.tries - 1, 5)) * (0.75 + Math.random() / 2)
      job.due_ms = elapsed() + wait_ms
      const place = again.findIndex((other) => other.due_ms > job.due_ms)
      again.splice(place === -1 ? again.length : place, 0, job)
    }
  }

  onProgress?.(answered, plan.length)
  return {
    requests: plan.length,
    answered,
    outcomes,
    statuses,
    repeats,
    refused,
    refused_count: refusedCount,
    lost_count: lostCount,
    seconds: elapsed() / 1000,
    latency_ms: percentiles(latencies),
  }
}

/** base64 of the HMAC-SHA256 over the body's bytes, as X-Shopify-Hmac-Sha256 carries it */
export function signature(secret: string, body: string | Uint8Array): string {
  return createHmac('sha256', secret).update(body).digest('base64')
}

/** Bytes and headers of a delivery, signed. Encoded once for both: a third of the generator's time otherwise. */
export function signed(
  delivery: Delivery,
  secret: string,
): { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  const body = Buffer.from(delivery.body)
  return {
    body,
    headers: {
      ...delivery.headers,
      'X-Shopify-Hmac-Sha256': signature(secret, body),
      'Content-Type': 'application/json',
      'User-Agent': 'Shopify-Captain-Hook',
    },
  }
}

/** Which delivery is sent when: by time due, in milliseconds after the start */
export function planOf(count: number, options: PlanOptions): { index: number; due_ms: number }[] {
  const { duplicates = 0, shuffle = false, rate, delay_ms } = options
  const random = createRandom(options.seed ?? 'plan')
  const places: { index: number; place: number }[] = []
  for (let index = 0; index < count; index++) {
    const copies = 1 + Math.floor(duplicates) + (random.chance(duplicates % 1) ? 1 : 0)
    for (let copy = 0; copy < copies; copy++) {
      // A third of the duplicates follow at once, so that both are under way together; the others come some time later
      const gap = copy === 0 ? 0 : random.chance(1 / 3) ? 0.5 : random.int(1, 300) + 0.5
      const moved = typeof shuffle === 'number' ? random.next() * shuffle : 0
      places.push({ index, place: shuffle === true ? random.next() : index + gap + moved })
    }
  }
  places.sort((a, b) => a.place - b.place)
  const plan = places.map(({ index }, nth) => ({
    index,
    due_ms:
      (rate ? (nth * 1000) / rate : 0) +
      (delay_ms ? delay_ms[0] + random.next() * (delay_ms[1] - delay_ms[0]) : 0),
  }))
  return plan.sort((a, b) => a.due_ms - b.due_ms)
}

interface Job {
  readonly index: number
  readonly nth: number
  due_ms: number
  first_ms: number | null
  tries: number
}

/** Shopify gives the whole request 5 s */
const ANSWER_MS_MAX = 5000

/** Answers that the same request will get again */
const HOPELESS = new Set([400, 401, 403, 404, 405, 413, 415, 422])

async function post(
  url: string,
  delivery: Delivery,
  secret: string,
): Promise<{ status: number | string; answer: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      ...signed(delivery, secret),
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    return { status: response.status, answer: await response.text() }
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string }
    return { status: typeof code === 'string' ? code : (name ?? 'error'), answer: '' }
  }
}

/** Paths follow the topic; every tenth request takes the one catch-all path instead */
function pathOf(endpoint: string, delivery: Delivery, nth: number): string {
  return nth % 10 === 9 ? `${endpoint}/shopify` : `${endpoint}/${delivery.topic}`
}

function outcomeOf(answer: string): string {
  return /"outcome"\s*:\s*"([a-z_]+)"/.exec(answer)?.[1] ?? 'unreadable'
}

function percentiles(latencies: number[]): DeliveryReport['latency_ms'] {
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}
