import { expect, test } from 'bun:test'
import { measureCircle } from '../../bench/limits/circle.ts'
import { openPool } from '../../src/platform/database.ts'
import { serverUrl } from '../harness.ts'

test('what an admin writes is seen by a visitor, and how long that took is told', async () => {
  const url = await serverUrl()
  const { visible, answered, reads } = await measureCircle(url, { writes: 4, writesPerS: 20, visitors: 2 })
  expect([visible.count, answered.count]).toEqual([4, 4])
  expect(visible.min).toBeGreaterThan(0)
  expect(reads).toBeGreaterThan(0)
  const admin = openPool(url, { name: 'test admin', max: 1 })
  const left = await admin`select from pg_database where datname like ${`onsale_circle_${process.pid}_%`}`
  await admin.end()
  expect(left).toHaveLength(0)
}, 60_000)
