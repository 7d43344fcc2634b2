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
  /** Answers GET past Elysia; null where Elysia does. */
  direct: DirectRoute | null
}

/** A route and what its pattern's parameters stand for in this path, still percent-encoded. */
export type Match = { route: Route; params: Params }

export type Params = Record<string, string>

/**
 * Reads what the URL of a GET names, once for all requests of that URL, and throws where it is wrong. What is thrown
 * here or by the answerer is rendered like any error.
 */
export type DirectRoute = (named: { query: string; params: Params }) => Answerer

/** Answers each request for what was read, by `answer`, so that nothing has to be added to it. */
export type Answerer = (asked: Asked) => Response | Promise<Response>

/** A request past Elysia. `at`: when it came (performance.now()). */
export type Asked = { headers: Headers; requestId: string; at: number }

export type RouteTable = ReturnType<typeof createRouteTable>

/** What the table reads of a route of Elysia. */
export type DeclaredRoute = { method: string; path: string; hooks: unknown }

/**
 * One table of what the app answers, made from its routes: for 404 and 405 with Allow, OPTIONS, labels of
 * metrics and log. It matches as Elysia does, because it is the same router.
 */
export function createRouteTable(
  routes: readonly DeclaredRoute[],
  { tally, direct = {} }: { tally: Tally; direct?: Record<string, DirectRoute> },
) {
  const fixed = new Map<string, Match>()
  const router = new Memoirist<Route>()
  const none: Match = { route: makeRoute('other', []), params: {} }

  for (const [pattern, declared] of Map.groupBy(routes, (route) => route.path)) {
    const route = makeRoute(pattern, declared)
    if (/[:*]/.test(pattern)) router.add('ANY', pattern, route)
    else fixed.set(pattern, { route, params: {} })
  }

  return { match }

  /** The route of a path; the one named `other` where there is none. */
  function match(path: string): Match {
    const known = fixed.get(path)
    if (known !== undefined) return known
    const found = router.find('ANY', path)
    return found === null ? none : { route: found.store, params: found.params }
  }

  function makeRoute(pattern: string, declared: readonly DeclaredRoute[]): Route {
    const methods = new Set(declared.map(({ method }) => (method === 'WS' ? 'GET' : method)))
    if (methods.has('GET')) methods.add('HEAD')
    if (methods.size > 0) methods.add('OPTIONS')
    return {
      pattern,
      methods,
      allow: [...methods].join(', '),
      hasQuerySchema: declared.some(({ hooks }) => hooksOf(hooks).query !== undefined),
      jsonMethods: new Set(declared.filter(takesJson).map(({ method }) => method)),
      tally: tally.endpoint(pattern),
      direct: direct[pattern] ?? null,
    }
  }
}

/** A route with a schema for its body takes JSON, unless it reads the bytes itself (`parse: 'none'`). */
function takesJson({ hooks }: DeclaredRoute): boolean {
  const { body, parse } = hooksOf(hooks)
  return body !== undefined && !JSON.stringify(parse ?? '').includes('"none"')
}

function hooksOf(hooks: unknown): { body?: unknown; query?: unknown; parse?: unknown } {
  return hooks ?? {}
}
