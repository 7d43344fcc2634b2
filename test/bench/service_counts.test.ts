import { expect, test } from 'bun:test'
import { countsOf, parseMetrics } from '../../bench/runner/service_counts.ts'

const before = parseMetrics(`# HELP cache_hits_total Reads
# TYPE cache_hits_total counter
cache_hits_total{level="1"} 10
cache_hits_total{level="2"} 1
cache_misses_total{level="1"} 5
cache_stale_total 2
db_query_time_seconds_count{function="get_event"} 5
db_query_time_seconds_count{function="get_event",process="2"} 1
gather_batch_size_bucket{le="1",gatherer="deliveries"} 4
gather_batch_size_bucket{le="10",gatherer="deliveries"} 6
gather_batch_size_bucket{le="+Inf",gatherer="deliveries"} 6
api_requests_total{endpoint="/events/{id}",method="GET",status="200"} 3
`)

test('labels are told apart whatever their order, and braces within them are no end', () => {
  expect(parseMetrics('a{y="2",x="1"} 5\n').get('a{x="1",y="2"}')).toBe(5)
  expect(before.get('api_requests_total{endpoint="/events/{id}",method="GET",status="200"}')).toBe(3)
  expect(before.get('cache_stale_total')).toBe(2)
})

test('counts are what was added between two looks, buckets each by itself', () => {
  const after = parseMetrics(`cache_hits_total{level="1"} 110
cache_hits_total{level="2"} 1
cache_misses_total{level="1"} 7
cache_stale_total 2
db_query_time_seconds_count{function="get_event"} 6
db_query_time_seconds_count{function="get_event",process="2"} 3
db_query_time_seconds_count{function="apply_deliveries"} 4
gather_batch_size_bucket{gatherer="deliveries",le="1"} 5
gather_batch_size_bucket{gatherer="deliveries",le="10"} 10
gather_batch_size_bucket{gatherer="deliveries",le="+Inf"} 12
webhook_deliveries_total{topic="orders/create",outcome="applied"} 9
webhook_deliveries_total{topic="orders/paid",outcome="applied"} 1
`)
  expect(countsOf(before, after)).toEqual({
    calls: { get_event: 3, apply_deliveries: 4 },
    cache: { hits1: 100, hits2: 0, misses: 2, stale: 0 },
    batchSizes: [
      { upTo: 1, count: 1 },
      { upTo: 10, count: 3 },
      { upTo: null, count: 2 },
    ],
    deliveries: { applied: 10 },
  })
})
