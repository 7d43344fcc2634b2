import { t } from 'elysia'
import { instant, orNull } from '../platform/fields.ts'

/** The answer of GET /health. */
export const healthModel = t.Object(
  {
    status: t.Union([t.Literal('healthy'), t.Literal('degraded'), t.Literal('unhealthy')], {
      description:
        '`degraded`: everything is answered, but Redis is away or changes are not heard. `unhealthy`: the database ' +
        'is away or its schema is older than this code; cached reads are still served for a while.',
    }),
    postgres: t.Union([t.Literal('ok'), t.Literal('error')]),
    redis: t.Union([t.Literal('ok'), t.Literal('error'), t.Literal('off')], {
      description: '`off`: none is configured, every process caches for itself',
    }),
    schema: t.Union([t.Literal('current'), t.Literal('behind'), t.Literal('unknown')]),
    changes: t.Union([t.Literal('heard'), t.Literal('lost')], {
      description: 'Whether this process hears what changes in the database; while lost, nothing is cached',
    }),
    lag_ms: orNull(
      t.Number(),
      'How long the newest sign of life of the database took to be heard here; null before the first',
    ),
    version: t.String(),
    uptime_s: t.Number(),
    timestamp: instant,
  },
  {
    examples: [
      {
        status: 'healthy',
        postgres: 'ok',
        redis: 'ok',
        schema: 'current',
        changes: 'heard',
        lag_ms: 1.4,
        version: '0.1.0',
        uptime_s: 3600,
        timestamp: '2026-12-01T19:00:00.000Z',
      },
    ],
  },
)
export type Health = typeof healthModel.static

/** The answer of GET /ready where requests may come. */
export const readyModel = t.Object({ ready: t.Literal(true) }, { examples: [{ ready: true }] })
