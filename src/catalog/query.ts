import { type Fault, refusalOfFaults } from '../errors.ts'
import { listLimitDefault, listLimitMax, listRowsMax, searchCharsMax } from '../limits.ts'
import { idPattern } from '../platform/fields.ts'
import { type EventName, type EventStatus, eventStatuses, type ListQuery, type Sort, sorts } from './calls.ts'

/** Reads `{id}` of a path: our id, or `shopify:` and Shopify's product id. Throws bad_request. */
export function readEventName(id: string): EventName {
  if (idPattern.test(id)) return { eventId: id, productId: null }
  const productId = /^shopify:([1-9]\d{0,17})$/.exec(id)?.[1]
  if (productId !== undefined) return { eventId: null, productId }
  throw refusalOfFaults('bad_request', [
    { path: 'path.id', message: `Expected a whole number or shopify:{product id}, not "${id}"` },
  ])
}

/** Refuses any query parameter where a path takes none. */
export function readNoQuery(query: string): void {
  if (query === '') return
  const names = [...new Set(new URLSearchParams(query).keys())]
  if (names.length === 0) return
  throw refusalOfFaults(
    'bad_request',
    names.map((name) => unknown(name, [])),
  )
}

/** Reads the query of `GET /events`; `status` is for admins alone. Throws bad_request with every fault at once. */
export function readListQuery(query: string): ListQuery & { status: EventStatus | null } {
  const faults: Fault[] = []
  const fault = (name: string, message: string) => {
    faults.push({ path: `query.${name}`, message })
    return null
  }
  const given = new URLSearchParams(query)
  for (const name of new Set(given.keys())) {
    if (!parameters.has(name)) faults.push(unknown(name, [...parameters]))
    else if (given.getAll(name).length > 1) fault(name, 'Expected at most once')
  }
  const limit = integer('limit', { min: 1, max: listLimitMax }) ?? listLimitDefault
  const page = integer('page', { min: 1, max: Number.MAX_SAFE_INTEGER })
  const search = text('search', searchCharsMax)
  const category = text('category', 100)
  const from = instant('from', 'start')
  const to = instant('to', 'end')
  const sort = readSort(search !== null)
  const after = readCursor(sort)
  const status = readStatus()

  if (from !== null && to !== null && Date.parse(from) > Date.parse(to)) {
    fault('to', 'Expected an instant that is not before from')
  }
  if (given.has('cursor') && page !== null) fault('page', 'Expected either page or cursor, not both')
  const offset = after === null ? ((page ?? 1) - 1) * limit : null
  if (offset !== null && offset >= listRowsMax) {
    fault('page', `Expected a page within the first ${listRowsMax} rows; go on with cursor, from next_cursor`)
  }
  if (faults.length > 0) throw refusalOfFaults('bad_request', faults)
  return { search, sort, category, from, to, limit, offset, after, status }

  function integer(name: string, { min, max }: { min: number; max: number }): number | null {
    const value = given.get(name)
    if (value === null) return null
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    const bounds = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
    return fault(name, `Expected a whole number ${bounds}, not "${value}"`)
  }

  /** Lower case, blanks joined, so that the same words are the same key. */
  function text(name: string, charsMax: number): string | null {
    const value = given.get(name)
    if (value === null) return null
    const words = value.normalize('NFC').toLowerCase().trim().replace(/\s+/g, ' ')
    if (words === '') return fault(name, 'Expected some text')
    if (words.length > charsMax) return fault(name, `Expected at most ${charsMax} characters`)
    return words
  }

  /** An instant in UTC; a plain date is its first or last microsecond. */
  function instant(name: string, edge: 'start' | 'end'): string | null {
    const value = given.get(name)
    if (value === null) return null
    const parts = instantPattern.exec(value)
    const date = parts?.[1]
    // Date.parse takes 31 days in every month.
    const isDate = date !== undefined && new Date(`${date}T00:00:00Z`).toJSON?.()?.slice(0, 10) === date
    if (isDate && parts?.[2] === undefined)
      return `${date}T${edge === 'start' ? '00:00:00.000000Z' : '23:59:59.999999Z'}`
    // A plus sign that was not encoded arrives as a blank.
    const zone = parts?.[4]?.replace(' ', '+')
    const ms = isDate ? Date.parse(`${date}T${parts?.[2]}${zone}`) : Number.NaN
    if (Number.isNaN(ms)) {
      return fault(name, `Expected an RFC 3339 instant or a date like 2026-12-01, not "${value}"`)
    }
    const micros = (parts?.[3] ?? '').slice(0, 6).padEnd(6, '0')
    return `${new Date(ms).toJSON().slice(0, 19)}.${micros}Z`
  }

  function readStatus(): EventStatus | null {
    const value = given.get('status')
    if (value === null) return null
    if (given.has('cursor')) fault('cursor', 'Expected page beside status, not cursor')
    const status = eventStatuses.find((status) => status === value)
    return status ?? fault('status', `Expected one of ${eventStatuses.join(', ')}, not "${value}"`)
  }

  function readSort(isSearch: boolean): Sort {
    const value = given.get('sort')
    if (value === null) return isSearch ? 'relevance' : 'starts_at'
    const sort = sorts.find((sort) => sort === value)
    if (sort === undefined) fault('sort', `Expected one of ${sorts.join(', ')}, not "${value}"`)
    else if (sort === 'relevance' && !isSearch) fault('sort', 'Expected search beside the sort relevance')
    return sort ?? 'starts_at'
  }

  function readCursor(sort: Sort): ListQuery['after'] {
    const value = given.get('cursor')
    if (value === null) return null
    const position = decodeCursor(value)
    if (position === null) {
      return fault('cursor', 'Expected a next_cursor as it was given, with the parameters it was given for')
    }
    if (position.sort !== sort) return fault('cursor', `Expected the sort it was given for, ${position.sort}`)
    return { key: position.key, id: position.id }
  }
}

/** One key for all queries that mean the same. */
export function keyOf({ search, sort, category, from, to, limit, offset, after }: ListQuery): string {
  return `l:${JSON.stringify([sort, limit, offset, after?.key, after?.id, category, from, to, search])}`
}

const instantPattern = /^(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+ -]\d\d:\d\d))?$/
const parameters = new Set(['page', 'limit', 'cursor', 'category', 'search', 'from', 'to', 'sort', 'status'])

/** [sort, key, id] as base64url (sql/functions/catalog/get_page.sql); null where it is none. */
function decodeCursor(cursor: string): { sort: Sort; key: string; id: number } | null {
  if (!/^[A-Za-z0-9_-]{1,2000}$/.test(cursor)) return null
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (!Array.isArray(value) || value.length !== 3) return null
    const [name, key, id] = value
    const sort = sorts.find((sort) => sort === name)
    if (sort === undefined || typeof key !== 'string' || !idPattern.test(String(id))) return null
    return isKey(sort, key) ? { sort, key, id: Number(id) } : null
  } catch {
    return null
  }
}

function isKey(sort: Sort, key: string): boolean {
  if (sort === 'title') return key.length <= 400 && !key.includes('\0')
  if (sort === 'relevance') return /^[\d.e+-]{1,40}( (infinity|-?\d{1,18}))?$/.test(key)
  return /^(infinity|-?\d{1,18})$/.test(key)
}

function unknown(name: string, known: readonly string[]): Fault {
  const wanted = known.length === 0 ? 'no parameter' : `one of ${known.join(', ')}`
  return { path: `query.${name.slice(0, 100)}`, message: `Unknown parameter: expected ${wanted}` }
}
