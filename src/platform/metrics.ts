import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { createPlainCounter, createTally } from './tally.ts'

export type Metrics = ReturnType<typeof createMetrics>

/**
 * Every instrument of the process in a registry of its own, so that two apps in one test do not share counts.
 * Every label is bounded by whoever sets it: unknown paths and topics are `other`. Counters and histograms of several
 * processes are summed; what becomes of a gauge is its aggregator, and without one it is summed too.
 */
export function createMetrics() {
  const registry = createRegistry()
  const registers = [registry]

  return {
    registry,

    /** api_requests_total and api_response_time_seconds. */
    requests: createTally(registry),

    // The database
    queryTime: new Histogram({
      name: 'db_query_time_seconds',
      help: 'Time of one call of an SQL function, by function, waiting for a connection included',
      labelNames: ['function'] as const,
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    poolWait: new Histogram({
      name: 'db_pool_wait_seconds',
      help: 'Time a call waited for its turn at the database: a read for its lane, a batch since its oldest request',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),

    // Reads
    cacheHits: createPlainCounter(registry, {
      name: 'cache_hits_total',
      help: 'Reads answered from a cache, by level (1: this process, 2: Redis)',
      label: 'level',
    }),
    cacheMisses: createPlainCounter(registry, {
      name: 'cache_misses_total',
      help: 'Reads that a cache could not answer, by level (1: this process, 2: Redis)',
      label: 'level',
    }),
    cacheStale: new Counter({
      name: 'cache_stale_total',
      help: 'Reads answered with bytes known to be out of date, within their bound',
      registers,
    }),
    notifyLag: new Gauge({
      name: 'notify_lag_seconds',
      help: 'Time from the newest heartbeat of the database until it was heard here',
      aggregator: 'max',
      registers,
    }),
    notifyConnected: new Gauge({
      name: 'notify_connected',
      help: '1 while changes of the database are heard, else 0',
      aggregator: 'min',
      registers,
    }),

    // Webhooks
    deliveries: new Counter({
      name: 'webhook_deliveries_total',
      help: 'Deliveries answered, by topic and outcome',
      labelNames: ['topic', 'outcome'] as const,
      registers,
    }),
    processingTime: new Histogram({
      name: 'webhook_processing_seconds',
      help: 'Time from the last byte of a delivery to its outcome',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    eventAge: new Gauge({
      name: 'webhook_event_age_seconds',
      help: 'Age of the newest delivery when it arrived (its arrival less Triggered-At), by topic',
      labelNames: ['topic'] as const,
      aggregator: 'max',
      registers,
    }),
    deadLetters: new Gauge({
      name: 'dead_letters',
      help: 'Failed deliveries that are not tried again by themselves',
      aggregator: 'max',
      registers,
    }),
    verifyDrift: new Gauge({
      name: 'verify_drift_rows',
      help: 'Rows that differed from the facts in the newest verification',
      aggregator: 'max',
      registers,
    }),
    verifyCompletedAt: new Gauge({
      name: 'verify_completed_timestamp_seconds',
      help: 'When the newest verification ended, whichever process did it (Unix time); 0: none is known',
      aggregator: 'max',
      registers,
    }),

    // Sales, payments and jobs
    ordersCreated: new Counter({
      name: 'orders_created_total',
      help: 'Requests for an order or a booking of the direct channel, by outcome',
      labelNames: ['outcome'] as const,
      registers,
    }),
    paymentResults: new Counter({
      name: 'payment_results_total',
      help: 'Results of payments that were told, by provider and outcome. `mismatch` and `unknown_payment`: somebody should look',
      labelNames: ['provider', 'outcome'] as const,
      registers,
    }),
    providerCalls: new Histogram({
      name: 'payment_provider_call_seconds',
      help: 'Calls of payment providers, by provider, call and outcome',
      labelNames: ['provider', 'call', 'outcome'] as const,
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    oldestRefundDue: new Gauge({
      name: 'refund_due_oldest_seconds',
      help: 'For how long the oldest order is REFUND_DUE; 0: none is',
      aggregator: 'max',
      registers,
    }),
    jobs: new Gauge({
      name: 'jobs',
      help: 'Jobs that are not done, by kind and state. `dead`: they wait for a person; `unconfirmed`: they are done at Shopify, and the mirror does not show it yet',
      labelNames: ['kind', 'state'] as const,
      aggregator: 'max',
      registers,
    }),
    oldestJob: new Gauge({
      name: 'jobs_oldest_seconds',
      help: 'Age of the oldest job that is not done, by kind and state',
      labelNames: ['kind', 'state'] as const,
      aggregator: 'max',
      registers,
    }),

    // Shopify's Admin API
    shopifyCalls: new Counter({
      name: 'shopify_api_calls_total',
      help: 'Attempts at calls of the Admin API of Shopify, by operation and outcome. `unknown_outcome`: a mutation that may have been done',
      labelNames: ['operation', 'outcome'] as const,
      registers,
    }),
    shopifyThrottled: new Counter({
      name: 'shopify_api_throttled_total',
      help: 'Attempts that Shopify throttled: others under the same token take the points',
      registers,
    }),
    shopifyPointsLeft: new Gauge({
      name: 'shopify_api_points_left',
      help: 'Points of the Admin API that were left, as its newest answer said, by shop',
      labelNames: ['shop'] as const,
      aggregator: 'min',
      registers,
    }),
    shopifyPointsLow: new Gauge({
      name: 'shopify_api_points_low',
      help: '1 while fewer points are left than SHOPIFY_LOW_POINTS_PERCENT, else 0, by shop',
      labelNames: ['shop'] as const,
      aggregator: 'max',
      registers,
    }),

    subscriptionFaults: new Gauge({
      name: 'shopify_subscriptions_faulty',
      help: 'Webhook subscriptions that were missing or wrong at the newest look; what Shopify does not refuse was mended then',
      aggregator: 'max',
      registers,
    }),
    subscriptionsMended: new Counter({
      name: 'shopify_subscriptions_mended_total',
      help: 'Webhook subscriptions that were missing or wrong, and were mended',
      registers,
    }),
    reconcileDifferences: new Gauge({
      name: 'reconcile_differences',
      help: 'Records that the newest reconciliation of this process found otherwise here than in the shop, by cause',
      labelNames: ['cause'] as const,
      aggregator: 'max',
      registers,
    }),
    reconcileRepaired: new Counter({
      name: 'reconcile_repaired_total',
      help: 'Records that a reconciliation repaired, because no webhook had told them',
      registers,
    }),
    reconcileCompletedAt: new Gauge({
      name: 'reconcile_completed_timestamp_seconds',
      help: 'When the newest reconciliation of this process ended (Unix time); 0: none has',
      aggregator: 'max',
      registers,
    }),
    shopifyConfirmTime: new Histogram({
      name: 'shopify_confirm_seconds',
      help: 'Time from the end of a write to Shopify until the mirror showed it, by kind of job',
      labelNames: ['kind'] as const,
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    }),
    shopifyVisibleTime: new Histogram({
      name: 'shopify_visible_seconds',
      help: 'Time from queueing a write to Shopify until the mirror showed it, by kind of job',
      labelNames: ['kind'] as const,
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
      registers,
    }),

    // Batches
    gatherBatchSize: new Histogram({
      name: 'gather_batch_size',
      help: 'Requests sent to the database in one call, by gatherer',
      labelNames: ['gatherer'] as const,
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
    gatherQueueDepth: new Gauge({
      name: 'gather_queue_depth',
      help: 'Requests waiting for their batch, by gatherer',
      labelNames: ['gatherer'] as const,
      registers,
    }),
  }
}

/** What a supervisor counts of the processes it keeps running; it is merged with what they count themselves. */
export function createSupervisorMetrics() {
  const registry = createRegistry()
  const registers = [registry]
  return {
    registry,
    wanted: new Gauge({ name: 'processes_wanted', help: 'Processes that are to serve', registers }),
    serving: new Gauge({
      name: 'processes_serving',
      help: 'Processes that serve; during a rolling restart one more than wanted',
      registers,
    }),
    unheard: new Gauge({
      name: 'processes_unheard',
      help: 'Processes that did not tell their metrics in time: here they count with what they told last',
      registers,
    }),
    replaced: new Counter({
      name: 'processes_replaced_total',
      help: 'Processes that were replaced: `crash` after they ended by themselves, `restart` in a rolling restart',
      labelNames: ['reason'] as const,
      registers,
    }),
  }
}

/** A registry with the metrics of the process itself: memory, CPU, event loop. */
function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const [name, aggregator] of Object.entries(processAggregators)) {
    const metric = registry.getSingleMetric(name)
    if (metric !== undefined) Object.assign(metric, { aggregator })
  }
  return registry
}

// Of several processes: where all of them are summed for memory, the worst tells more of what has a limit or is late.
// The oldest start is the supervisor's, from which on the sums count.
const processAggregators = {
  process_start_time_seconds: 'min',
  process_open_fds: 'max',
  process_max_fds: 'min',
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
}

/** The metrics of one process as they go to another. */
export type MetricsReport = ReportedMetric[]
type ReportedMetric = { name: string; type: string; values: { value: number }[] }

/** What a registry holds now. Values that JSON does not know (NaN before the first measurement) stay out. */
export async function reportMetrics(registry: Registry): Promise<MetricsReport> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as ReportedMetric[]
  return metrics.map((metric) => ({
    ...metric,
    values: metric.values.filter(({ value }) => Number.isFinite(value)),
  }))
}

/** Reports of several processes as those of one: counters and histograms summed, gauges by their aggregator. */
export function mergeReports(reports: readonly MetricsReport[]): Registry {
  return AggregatorRegistry.aggregate(reports as unknown as object[])
}

/**
 * What has to be kept of processes that have ended: their counters and histograms, as one report. Prometheus takes a
 * counter that falls for one that began again at 0, and would count what is left as new.
 */
export async function keepCounts(reports: readonly MetricsReport[]): Promise<MetricsReport> {
  const counts = reports.map((report) => report.filter(({ type }) => type !== 'gauge'))
  return await reportMetrics(mergeReports(counts))
}

/** Runs calls of SQL functions, each timed under its function's name, whether it succeeds or not. */
export function callTimer({ queryTime }: Pick<Metrics, 'queryTime'>) {
  return async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    const end = queryTime.startTimer({ function: name })
    try {
      return await call()
    } finally {
      end()
    }
  }
}
