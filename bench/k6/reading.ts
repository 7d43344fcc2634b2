// How visitors read: which pages, how often, and what they have already. Runs in k6.

import http, { type RefinedParams, type RefinedResponse } from 'k6/http'
import type { Shop } from '../runner/shop.ts'
import { env } from './workload.ts'

/** What there is to read, as the runner found it. */
const { eventIds, categories, words }: Shop = JSON.parse(
  env('SHOP') || '{"eventIds":[],"categories":[],"words":[]}',
)

/** What is read, of a hundred: a shop's front page most, then what is found there. */
const mix: readonly [share: number, pathOf: (draw: number) => string][] = [
  [25, () => '/events'],
  [10, (draw) => `/events?page=${2 + (draw % 3)}`],
  [12, (draw) => `/events?category=${encodeURIComponent(categories[draw % categories.length] ?? '')}`],
  [8, (draw) => `/events?search=${encodeURIComponent(words[draw % words.length] ?? '')}`],
  [25, (draw) => `/events/${eventId(draw)}`],
  [20, (draw) => `/events/${eventId(draw)}/tickets`],
]

/** Most look at few events: half of the visits go to a tenth of them (0.5 to the power of 3.3). */
function eventId(draw: number): number | undefined {
  return eventIds[Math.floor(eventIds.length * ((draw % 1000) / 1000) ** 3.3)]
}

/** One request in so many asks only whether the page has changed, where the user has it already. */
const conditionalShare = 0.5

// Of this user: k6 gives each one a module of its own.
const seen = new Map<string, string>()

/** One request of the mix, as a browser makes it: compressed, and conditional where it has the page. Timed as `kind`. */
export function readSomething(base: string, kind = 'read'): void {
  read(base, pathFor(Math.floor(Math.random() * 1e9)), kind)
}

/** Reads one path; what came is remembered by its ETag and asked for conditionally now and then. */
export function read(base: string, path: string, kind = 'read'): RefinedResponse<'none'> {
  const etag = seen.get(path)
  const params: RefinedParams<'none'> = { tags: { kind }, headers: { 'Accept-Encoding': 'gzip' } }
  if (etag !== undefined && Math.random() < conditionalShare) params.headers!['If-None-Match'] = etag
  const response = http.get<'none'>(base + path, params)
  const given = response.headers.Etag
  if (given !== undefined && response.status === 200) {
    if (seen.size >= 50) seen.clear()
    seen.set(path, given)
  }
  return response
}

function pathFor(draw: number): string {
  let left = draw % 100
  for (const [share, pathOf] of mix) {
    if (left < share) return pathOf(Math.floor(draw / 100))
    left -= share
  }
  return '/events'
}
