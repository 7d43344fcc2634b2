// Queries that nobody has asked before: each number makes another one, so that none is answered from a cache. Runs in k6.

import type { Shop } from '../runner/shop.ts'
import { env } from './workload.ts'

const { categories, words }: Shop = JSON.parse(env('SHOP') || '{"eventIds":[],"categories":[],"words":[]}')

/** `isFollowed`: the next page is asked for as well, by its cursor. */
export type Query = { kind: 'search' | 'list'; query: string; isFollowed?: true }

const monthMs = 30 * 24 * 3_600_000
const turnCount = 12

/** A word as somebody in a hurry types it: two letters in each other's place. */
function mistyped(word: string): string {
  return word.slice(0, 2) + word.slice(2, 4).split('').reverse().join('') + word.slice(4)
}

/**
 * Turn by turn a list or a search, in all the ways that the shop offers: by one word and by two, which are common or rare as
 * they come, by their beginnings, mistyped, within a category or a month, in every order, by page and by cursor. `n`: about
 * now, in ms since 1970; another instant to begin with makes another query that finds almost the same.
 */
export function queryOf(n: number): Query {
  const from = `from=${new Date(n).toISOString()}`
  const month = `${from}&to=${new Date(n + monthMs).toISOString()}`
  // What has not ended yet, as visitors see it; every second round what starts from an instant on.
  const round = Math.floor(n / turnCount)
  const when = round % 2 === 0 ? `to=${new Date(n + 36 * monthMs).toISOString()}` : from
  const category = encodeURIComponent(categories[round % categories.length] ?? '')
  const text = words[round % words.length] ?? ''
  const word = encodeURIComponent(text)
  const other = encodeURIComponent(words[(round * 7 + 3) % words.length] ?? '')
  const turns: Query[] = [
    { kind: 'list', query: when },
    { kind: 'search', query: `search=${word}&${when}` },
    { kind: 'list', query: `category=${category}&${when}` },
    { kind: 'search', query: `search=${word}%20${other}&${when}` },
    { kind: 'list', query: `sort=-starts_at&${when}`, isFollowed: true },
    { kind: 'search', query: `search=${word}&category=${category}&${month}` },
    { kind: 'list', query: `page=3&limit=50&${when}` },
    { kind: 'search', query: `search=${encodeURIComponent(text.slice(0, 4))}&${when}` },
    { kind: 'list', query: `sort=title&category=${category}&${when}` },
    { kind: 'search', query: `search=${word}&sort=starts_at&${when}`, isFollowed: true },
    { kind: 'list', query: `${month}&page=2` },
    { kind: 'search', query: `search=${encodeURIComponent(mistyped(text))}&${when}` },
  ]
  return turns[n % turnCount]!
}
