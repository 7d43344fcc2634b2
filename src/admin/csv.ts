import type { EventOrder } from './calls.ts'

const columns = [
  ['id', ({ id }) => id],
  ['user_id', ({ userId }) => userId],
  ['email', ({ email }) => email],
  ['status', ({ status }) => status],
  ['items', ({ items }) => items],
  ['unit_count', ({ unitCount }) => unitCount],
  ['total_cents', ({ totalCents }) => totalCents],
  ['paid_cents', ({ paidCents }) => paidCents],
  ['currency', ({ currency }) => currency],
  ['expires_at', ({ expiresAt }) => expiresAt],
  ['created_at', ({ createdAt }) => createdAt],
  ['updated_at', ({ updatedAt }) => updatedAt],
] as const satisfies readonly (readonly [string, (order: EventOrder) => string | number | null])[]

/** Orders as CSV (RFC 4180) in UTF-8 with a header: a page whenever the reader takes one. */
export function csvOf(
  first: readonly EventOrder[],
  {
    pageAfter,
    pageRows,
  }: { pageAfter: (afterId: number) => Promise<readonly EventOrder[]>; pageRows: number },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let page = first
  let text = recordOf(columns.map(([name]) => name))
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        controller.enqueue(encoder.encode(text + page.map(rowOf).join('')))
        text = ''
        const last = page.at(-1)
        page = last === undefined || page.length < pageRows ? [] : await pageAfter(last.id)
        if (page.length === 0) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

function rowOf(order: EventOrder): string {
  return recordOf(columns.map(([, get]) => get(order)))
}

function recordOf(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`
}

/**
 * One cell. A spreadsheet runs text that begins like a formula, and some take the semicolon for the separator: the first
 * gets an apostrophe, the second is put in quotes.
 */
export function cellOf(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
