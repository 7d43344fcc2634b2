import { Memoirist } from 'memoirist'
import type { EndpointTally, Tally } from './tally.ts'

/** What the shell knows of one path. */
export type Route = {
  /** As it was declared (`/events/:id`), or `other` where nothing is. */
  pattern: string
  /** Methods that it answers, HEAD and OPTIONS included; empty for `other`. */
  methods: ReadonlySet<string>
  /** The same as the Allow header. */
  allow: string
  /** Its query is checked by a schema, so the shell refuses repeated parameters. */
  hasQuerySchema: boolean
  /** Methods whose body must be JSON. */
  jsonMethods: ReadonlySet<string>
  tally: EndpointTally
}

export type RouteTable = ReturnType<typeof createRouteTable>

/** What the table reads of a route of Elysia. */
export type DeclaredRoute = { method: string; path: string; hooks: unknown }

/**
 * One table of what the app answers, made from its routes: for 404 and 405 with Allow, OPTIONS, labels of
 * metrics and log. It matches as Elysia does, because it is the same router.
 */
export function createRouteTable(routes: readonly DeclaredRoute[], tally: Tally) {
  const fixed = new Map<string, Route>()
  const router = new Memoirist<Route>()
  const other = makeRoute('other', [], tally)

  for (const [pattern, declared] of Map.groupBy(routes, (route) => route.path)) {
    const route = makeRoute(pattern, declared, tally)
    if (/[:*]/.test(pattern)) router.add('ANY', pattern, route)
    else fixed.set(pattern, route)
  }

  return {
    /** The route of a path; `other` where there is none. */
    find: (path: string): Route => fixed.get(path) ?? router.find('ANY', path)?.store ?? other,
    other,
  }
}

function makeRoute(pattern: string, declared: readonly DeclaredRoute[], tally: Tally): Route {
  const methods = new Set(declared.map(({ method }) => (method === 'WS' ? 'GET' : method)))
  if (methods.has('GET')) methods.add('HEAD')
  if (methods.size > 0) methods.add('OPTIONS')
  return {
    pattern,
    methods,
    allow: [...methods].join(', '),
    hasQuerySchema: declared.some(
      ({ hooks }) => (hooks as { query?: unknown } | undefined)?.query !== undefined,
    ),
    jsonMethods: new Set(declared.filter(takesJson).map(({ method }) => method)),
    tally: tally.endpoint(pattern),
  }
}

/** A route with a schema for its body takes JSON, unless it reads the bytes itself (`parse: 'none'`). */
function takesJson({ hooks }: DeclaredRoute): boolean {
  const { body, parse } = (hooks ?? {}) as { body?: unknown; parse?: unknown }
  return body !== undefined && !JSON.stringify(parse ?? '').includes('"none"')
}
