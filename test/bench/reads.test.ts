import { afterAll, expect, test } from 'bun:test'
import { compareReads, limitNames } from '../../bench/limits/reads.ts'
import { canSample } from '../../bench/runner/sampler.ts'

// Held against the limits is a server that answers as Onsale does: what is compared, not how fast it is.

const body = JSON.stringify({ events: Array.from({ length: 50 }, (_, id) => ({ id })) })
const headers = { etag: '"one"', 'content-type': 'application/json', 'x-cache': 'hit' }
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request) =>
    request.headers.get('if-none-match') === '"one"'
      ? new Response(null, { status: 304, headers: { etag: '"one"' } })
      : new Response(body, { headers }),
})
afterAll(() => server.stop(true))

const options = { url: `http://127.0.0.1:${server.port}/events?limit=50`, rounds: 1, ms: 50, connections: 4 }

test.each([200, 304] as const)('holds answers of status %d against every limit', async (status) => {
  const { servers, ratios } = await compareReads({ ...options, status, pids: [process.pid] })
  expect(Object.keys(servers)).toEqual(['onsale', ...limitNames])
  expect(Object.keys(ratios)).toEqual([...limitNames])
  for (const { perSecond, p99 } of Object.values(servers)) {
    expect(perSecond).toBeGreaterThan(0)
    expect(p99).toBeGreaterThan(0)
  }
  for (const name of limitNames) {
    expect(ratios[name].rate).toBeCloseTo(servers.onsale.perSecond / servers[name].perSecond, 1)
  }
})

test('tells no processor time of processes that it does not know', async () => {
  const { servers, ratios } = await compareReads({ ...options, status: 200, pids: null })
  expect(servers.onsale.cpuUs).toBeNull()
  expect(servers.same.cpuUs === null).toBe(!canSample)
  expect(ratios.same.cpu).toBeNull()
})

test('refuses a server that does not answer as expected', async () => {
  const missing = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => new Response(null, { status: 404 }),
  })
  const url = `http://127.0.0.1:${missing.port}/`
  expect(compareReads({ ...options, url, status: 200, pids: null })).rejects.toThrow('answered 404, not 200')
  await Bun.sleep(50)
  await missing.stop(true)
})
