// Queries that nobody has asked before: each number makes another one, so that none is answered from a cache. Runs in k6.

import type { Shop } from '../runner/shop.ts'
import { env } from './workload.ts'

const { categories, words }: Shop = JSON.parse(env('SHOP') || '{"eventIds":[],"categories":[],"words":[]}')

export type Query = { kind: 'search' | 'list'; query: string }

/** A later instant makes another query that finds almost the same: nobody has asked for it. */
function distinctFrom(n: number): string {
  return new Date(Date.UTC(2026, 10, 21) + n * 1_000).toISOString()
}

/** Turn by turn a list or a search, in all the ways that the shop offers. */
export function queryOf(n: number): Query {
  const from = `from=${distinctFrom(n)}`
  const category = encodeURIComponent(categories[n % categories.length] ?? '')
  const word = encodeURIComponent(words[n % words.length] ?? '')
  const other = encodeURIComponent(words[(n * 7 + 3) % words.length] ?? '')
  const turns: Query[] = [
    { kind: 'list', query: from },
    { kind: 'search', query: `search=${word}&${from}` },
    { kind: 'list', query: `category=${category}&${from}` },
    { kind: 'search', query: `search=${word}%20${other}&${from}` },
    { kind: 'list', query: `sort=-starts_at&${from}` },
    { kind: 'search', query: `search=${word}&category=${category}&${from}` },
    { kind: 'list', query: `page=3&limit=50&${from}` },
    { kind: 'search', query: `search=${word.slice(0, 4)}&${from}` },
    { kind: 'list', query: `sort=title&category=${category}&${from}` },
    { kind: 'search', query: `search=${word}&sort=starts_at&${from}` },
  ]
  return turns[n % turns.length]!
}
