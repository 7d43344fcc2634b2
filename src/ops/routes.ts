import { Elysia } from 'elysia'
import { Registry } from 'prom-client'
import { AppError } from '../errors.ts'
import { noStore, uncached } from '../platform/answer.ts'
import { noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import { healthModel, readyModel } from './model.ts'
import type { Ops } from './ops.ts'

export type OpsRoutesDeps = {
  ops: Pick<Ops, 'health' | 'ready'>
  /** Prometheus text: of this process, or of all that share the port. */
  readMetrics: () => Promise<string>
}

/** `GET /health`, `GET /ready`, `GET /metrics`. */
export function opsRoutes({ ops, readMetrics }: OpsRoutesDeps) {
  return new Elysia({ name: 'ops' })
    .get(
      '/health',
      async () => {
        const health = await ops.health()
        return uncached(health, { status: health.status === 'unhealthy' ? 503 : 200 })
      },
      {
        query: noQuery,
        detail: operation({
          access: 'public',
          tags: ['Operations'],
          summary: 'Tell how the service and what it stands on are',
          description:
            'Every part is asked at the same time and has one second to answer. 503 where the status is `unhealthy`.',
          answers: { 200: { schema: healthModel }, 503: { schema: healthModel, description: 'Unhealthy' } },
          headers: noStoreHeader,
        }),
      },
    )
    .get(
      '/ready',
      () => {
        const reason = ops.ready()
        if (reason !== null) throw new AppError('unavailable', reason)
        return uncached({ ready: true })
      },
      {
        query: noQuery,
        detail: operation({
          access: 'public',
          tags: ['Operations'],
          summary: 'Tell whether this process may get requests',
          description:
            'For load balancers: 503 while shutting down. A process begins to listen when it has reached the database ' +
            'and found the schema it needs. A database that goes away later does not change it, because cached reads ' +
            'are still served; `/health` tells that.',
          answers: { 200: { schema: readyModel } },
          errors: ['unavailable'],
        }),
      },
    )
    .get(
      '/metrics',
      async () =>
        new Response(await readMetrics(), {
          headers: { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE, ...noStore },
        }),
      {
        query: noQuery,
        detail: operation({
          access: 'public',
          tags: ['Operations'],
          summary: 'Read the metrics',
          description:
            'Prometheus text. Processes under one supervisor (`serve --processes`) answer for all of them, whichever ' +
            'is asked, and 503 where the supervisor does not answer; every other process counts for itself. All ' +
            'labels are bounded: unknown paths, methods and topics are `other`.',
          answers: {
            200: {
              contentType: 'text/plain; version=0.0.4; charset=utf-8',
              example:
                '# HELP api_requests_total Requests answered, by route, method and status\n' +
                '# TYPE api_requests_total counter\n' +
                'api_requests_total{endpoint="/events",method="GET",status="200"} 12345\n',
            },
          },
          errors: ['unavailable'],
        }),
      },
    )
}
