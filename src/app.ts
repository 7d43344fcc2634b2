import { type AnyElysia, Elysia, NotFoundError, ParseError, ValidationError } from 'elysia'
import { version as packageVersion } from '../package.json'
import type { Accounts } from './accounts/accounts.ts'
import { accountRoutes } from './accounts/routes.ts'
import type { Admin } from './admin/admin.ts'
import { withAdminReads } from './admin/reads.ts'
import { adminRoutes } from './admin/routes.ts'
import type { Catalog } from './catalog/catalog.ts'
import { catalogRoutes } from './catalog/routes.ts'
import type { Config } from './config.ts'
import { AppError, problem, toAppError } from './errors.ts'
import { type DeliveryRoutesDeps, deliveryRoutes } from './intake/admin_routes.ts'
import { type IntakeRoutesDeps, intakeRoutes } from './intake/routes.ts'
import { type JobRoutesDeps, jobRoutes } from './jobs/routes.ts'
import { connectionIdleS, requestBodyBytesMax } from './limits.ts'
import { docsRoutes } from './ops/docs.ts'
import { type OpsRoutesDeps, opsRoutes } from './ops/routes.ts'
import { type PaymentRoutesDeps, paymentRoutes } from './payments/routes.ts'
import { requestIdOf } from './platform/answer.ts'
import { createCors } from './platform/cors.ts'
import type { Log } from './platform/log.ts'
import type { Metrics } from './platform/metrics.ts'
import { createRouteTable, type DirectRoute, type Route, type RouteTable } from './platform/route_table.ts'
import { createFaultLog, createShell, pathOf } from './platform/shell.ts'
import { refusalOf } from './platform/validation.ts'
import type { RateLimits } from './rate_limits/rate_limits.ts'
import { rateLimitRoutes } from './rate_limits/routes.ts'
import { salesRoutes } from './sales/routes.ts'
import type { Sales } from './sales/sales.ts'
import type { TicketLinks } from './sales/ticket_links.ts'
import { type SyncRoutesDeps, syncRoutes } from './shopify/routes.ts'
import { type WatchRoutesDeps, watchRoutes } from './watch/routes.ts'

export type AppDeps = {
  config: Config
  log: Log
  metrics: Metrics
  catalog: Catalog
  intake: IntakeRoutesDeps['intake']
  accounts: Accounts
  sales: Sales
  payments: PaymentRoutesDeps['payments']
  simulator: PaymentRoutesDeps['simulator']
  jobs: JobRoutesDeps['jobs']
  syncs: SyncRoutesDeps['syncs']
  deliveries: Omit<DeliveryRoutesDeps, 'accounts'>
  ticketLinks: TicketLinks
  rateLimits: RateLimits
  admin: Admin
  watch: WatchRoutesDeps['watch']
  ops: OpsRoutesDeps['ops']
  readMetrics: OpsRoutesDeps['readMetrics']
}

/** The routes with their types, for a typed client: `treaty<App>` of @elysiajs/eden. */
export type App = ReturnType<typeof buildApp>['elysia']

/** The whole HTTP surface, built from what the flows need. It does not listen: `Bun.serve(app.serve)` does. */
export function buildApp({
  config,
  log,
  metrics,
  catalog,
  intake,
  accounts,
  sales,
  payments,
  simulator,
  jobs,
  syncs,
  deliveries,
  ticketLinks,
  rateLimits,
  admin,
  watch,
  ops,
  readMetrics,
}: AppDeps) {
  const reads = withAdminReads(catalog, { admin, accounts })
  const flows = new Elysia()
    .use(catalogRoutes({ catalog: reads }))
    .use(intakeRoutes({ intake, config, metrics }))
    .use(accountRoutes({ accounts, rateLimits }))
    .use(salesRoutes({ sales, ticketLinks, accounts, rateLimits }))
    .use(paymentRoutes({ payments, simulator, sales, ticketLinks, accounts, config }))
    .use(jobRoutes({ jobs, accounts }))
    .use(syncRoutes({ syncs, accounts, config }))
    .use(deliveryRoutes({ ...deliveries, accounts }))
    .use(rateLimitRoutes({ rateLimits, accounts }))
    .use(adminRoutes({ admin, accounts }))
    .use(watchRoutes({ watch, accounts, config }))
    .use(opsRoutes({ ops, readMetrics }))
  const direct = {
    '/events': reads.listEvents,
    '/events/:id': reads.getEvent,
    '/events/:id/tickets': catalog.listEventTickets,
  }
  return composeApp(flows, { config, log, metrics, direct })
}

export type ShellDeps = {
  config: Pick<Config, 'corsOrigins'>
  log: Log
  metrics: Metrics
  /** GET routes of the flows that are answered past Elysia, by pattern: what is read most. */
  direct?: Record<string, DirectRoute>
}

/** Puts the shell around the routes of the flows: errors, documentation, and what happens to every request. */
export function composeApp<Flows extends AnyElysia>(
  flows: Flows,
  { config, log, metrics, direct = {} }: ShellDeps,
) {
  const logFault = createFaultLog(log)
  const elysia = new Elysia({
    // Unknown fields are refused instead of stripped in silence.
    normalize: false,
    // `/events/` is not `/events`: one resource, one URL, one cache key.
    strictPath: true,
    precompile: true,
    // By default Elysia takes a host of less than four letters (http://app/) for a part of the path.
    handler: { standardHostname: false },
  })
    .onError(({ error, request }) => {
      const requestId = requestIdOf(request)
      const { route } = table.match(pathOf(request.url))
      const refusal = refusalFor(error, route)
      logFault(refusal, { requestId, route: route.pattern })
      return problem(refusal, requestId)
    })
    .use(docsRoutes({ openApi }))
    .use(flows)
    .compile()

  const table: RouteTable = createRouteTable(elysia.routes, { tally: metrics.requests, direct })
  const fetch = createShell({
    handle: elysia.fetch,
    match: table.match,
    cors: config.corsOrigins.length > 0 ? createCors(config.corsOrigins) : null,
    logFault,
    log,
  })

  return {
    /** Answers a request, never rejects. */
    fetch,
    /** What `Bun.serve` needs beside an address. */
    serve: {
      fetch,
      development: false,
      idleTimeout: connectionIdleS,
      maxRequestBodySize: requestBodyBytesMax,
    },
    /** The document of /openapi.json. */
    openApi,
    /** Typed, for clients and tests; requests go through `fetch`. */
    elysia,
  }

  /** What makes it is loaded when it is first asked for: a start without is 11 ms shorter. */
  async function openApi(): Promise<object> {
    const { buildOpenApi } = await import('./ops/openapi.ts')
    return buildOpenApi(elysia, { version: packageVersion })
  }
}

/** What a client is told of an error that a route, a schema or the router raised. */
function refusalFor(error: unknown, { methods, allow }: Route): AppError {
  if (error instanceof ValidationError) return refusalOf(error)
  if (error instanceof ParseError) return new AppError('bad_request', 'The body is not well-formed JSON')
  if (!(error instanceof NotFoundError)) return toAppError(error)
  if (methods.size === 0) return new AppError('not_found', 'No such path')
  return new AppError('method_not_allowed', `This path answers ${allow}`, { headers: { allow } })
}
