import { expect, test } from 'bun:test'
import { measureQueue } from '../../bench/limits/queue.ts'
import { startPeer } from '../../bench/runner/limits.ts'
import { openPool } from '../../src/platform/database.ts'
import { serverUrl } from '../harness.ts'

test('workers work off every job once, and no database of theirs is left', async () => {
  const url = await serverUrl()
  const shopify = await startPeer('admin', [])
  try {
    const result = await measureQueue(url, { jobs: 40, events: 10, workers: 2, shopifyUrl: shopify.url })
    expect(result.attempts).toBe(40)
    expect(result.perSecond).toBeCloseTo(40 / result.seconds, 5)
  } finally {
    shopify.stop()
  }
  const admin = openPool(url, { name: 'test admin', max: 1 })
  const left = await admin`select from pg_database where datname like ${`onsale_queue_${process.pid}_%`}`
  await admin.end()
  expect(left).toHaveLength(0)
})
