import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import {
  type Generated,
  type GeneratorLoad,
  generate,
  startGenerator,
  type WrittenRequest,
} from '../../bench/runner/generator.ts'

// The generator against servers that answer byte by byte, wrongly, late or not at all: what it counts must be so.

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

type Peer = { write: (text: string | Uint8Array) => void; close: () => void; served: number }

/** A server that is given every request as text, with its connection. */
function serve(answer: (request: string, peer: Peer) => void | Promise<void>): {
  port: number
  opened: () => number
} {
  let opened = 0
  const server = Bun.listen<{ peer: Peer; received: string }>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        opened++
        socket.data = {
          received: '',
          peer: { served: 0, write: (text) => void socket.write(text), close: () => void socket.end() },
        }
      },
      data(socket, chunk) {
        socket.data.received += chunk.toString('latin1')
        const end = socket.data.received.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/content-length: (\d+)/i.exec(socket.data.received)?.[1] ?? 0)
        if (socket.data.received.length < end + 4 + length) return
        const request = socket.data.received
        socket.data.received = ''
        socket.data.peer.served++
        void answer(request, socket.data.peer)
      },
    },
  })
  stops.push(() => server.stop(true))
  return { port: server.port, opened: () => opened }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const get = (path = '/', expected = [200], group = 'reads'): WrittenRequest => ({
  text: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  expected,
  group,
})

function run(load: Partial<GeneratorLoad> & { port: number }): Promise<Generated> {
  return generate({ connections: 4, ms: 200, rate: null, requests: { list: [get()] }, ...load })
}

describe('closed loop', () => {
  test('counts every answer, on connections that are kept', async () => {
    let served = 0
    const { port, opened } = serve((_, peer) => {
      served++
      peer.write(ok)
    })
    const generated = await run({ port })
    expect(generated.requests).toBe(served)
    expect(generated.statuses).toEqual({ 200: served })
    expect(generated).toMatchObject({ failed: 0, dropped: 0, rateAsked: null, faults: {}, lags: null })
    expect(generated.latencies.reads?.count).toBe(served)
    expect(generated.rateHeld).toBeCloseTo(served / generated.seconds, 5)
    expect(opened()).toBe(4)
  })

  test('requests are sent in turn, and each is timed in its group', async () => {
    const paths: string[] = []
    const { port } = serve((request, peer) => {
      paths.push(request.split(' ')[1] as string)
      peer.write(ok)
    })
    const list = [get('/a', [200], 'first'), get('/b', [200], 'second')]
    const { latencies } = await run({ port, connections: 1, requests: { list } })
    expect(paths.slice(0, 4)).toEqual(['/a', '/b', '/a', '/b'])
    expect(latencies.first!.count + latencies.second!.count).toBe(paths.length)
  })

  test('answers in pieces, cut anywhere, are one answer each', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 10\r\n\r\n0123456789'
    let nth = 0
    const { port } = serve(async (_, peer) => {
      const cut = nth++ % answer.length
      peer.write(answer.slice(0, cut))
      await Bun.sleep(1)
      peer.write(answer.slice(cut))
    })
    const module = join(import.meta.dir, 'numbered_source.ts')
    const load = { port, connections: 20, ms: 60_000 }
    const { requests, failed, statuses } = await run({ ...load, requests: { module, options: { count: 5 } } })
    expect({ requests, failed, statuses }).toEqual({ requests: 100, failed: 0, statuses: { 200: 100 } })
    expect(nth).toBeGreaterThan(answer.length)
  })

  test('304 ends with its head, and may be what is expected', async () => {
    const { port } = serve((_, peer) => peer.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'))
    const generated = await run({ port, requests: { list: [get('/', [304])] } })
    expect(generated.failed).toBe(0)
    expect(generated.latencies.reads?.count).toBe(generated.requests)
  })

  test('a status that was not expected fails and is not timed', async () => {
    const { port } = serve((request, peer) =>
      peer.write(request.startsWith('GET /bad') ? ok.replace('200', '503') : ok),
    )
    const list = [get('/'), get('/bad')]
    const { latencies, failed, requests, statuses, faults } = await run({
      port,
      connections: 1,
      requests: { list },
    })
    expect(failed).toBe(statuses[503] as number)
    expect(failed).toBeGreaterThan(0)
    expect(faults).toEqual({ 'Status 503 of reads': failed })
    expect(latencies.reads?.count).toBe(requests - failed)
  })

  test('a second status that is expected is timed apart', async () => {
    const { port } = serve((request, peer) =>
      peer.write(request.startsWith('GET /busy') ? ok.replace('200', '503') : ok),
    )
    const list = [get('/', [200, 503]), get('/busy', [200, 503])]
    const { failed, latencies, statuses } = await run({ port, connections: 1, requests: { list } })
    expect(failed).toBe(0)
    expect(latencies.reads?.count).toBe(statuses[200])
    expect(latencies['reads 503']?.count).toBe(statuses[503])
  })

  test('a large request is sent whole', async () => {
    const sizes: number[] = []
    const { port } = serve((request, peer) => {
      sizes.push(request.length)
      peer.write(ok)
    })
    const body = 'x'.repeat(6_000_000)
    const text = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const { failed } = await run({
      port,
      connections: 1,
      requests: { list: [{ text, expected: [200], group: 'large' }] },
    })
    expect(failed).toBe(0)
    expect(new Set(sizes)).toEqual(new Set([text.length]))
  })

  test('bytes that nobody asked for, and answers without an end, fail', async () => {
    const long = serve((_, peer) => peer.write(`${ok}more`))
    const more = await run({ port: long.port, ms: 50 })
    expect(more.requests).toBeGreaterThan(0)
    expect(more.faults).toEqual({ 'More bytes than Content-Length told': more.failed })
    const chunked = serve((_, peer) => peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))
    const endless = await run({ port: chunked.port, ms: 50 })
    expect(endless.requests).toBeGreaterThan(0)
    expect(endless.faults).toEqual({ 'An answer without Content-Length': endless.failed })
  })

  test('a connection that is closed in the middle fails its request and is opened again', async () => {
    let nth = 0
    const { port, opened } = serve((_, peer) => {
      if (++nth % 5 !== 0) peer.write(ok)
      else peer.close()
    })
    const generated = await run({ port })
    const { failed, faults, statuses, requests } = generated
    expect(failed).toBeGreaterThan(0)
    expect(faults).toEqual({ 'The connection was closed before the answer': failed })
    expect(statuses[200]).toBe(requests - failed)
    expect(opened()).toBeGreaterThan(4)
  })

  test('a server that says Connection: close loses no request', async () => {
    const { port, opened } = serve((_, peer) => {
      if (peer.served < 3) {
        peer.write(ok)
      } else {
        peer.write(ok.replace('OK\r\n', 'OK\r\nConnection: close\r\n'))
        peer.close()
      }
    })
    const { failed, requests, statuses } = await run({ port })
    expect(failed).toBe(0)
    expect(statuses[200]).toBe(requests)
    expect(opened()).toBeGreaterThan(4)
  })

  test('an answer that does not come fails', async () => {
    const { port } = serve((_, peer) => {
      if (peer.served === 1) peer.write(ok)
    })
    const { failed, requests, faults, statuses } = await run({ port, ms: 50, graceMs: 300 })
    expect({ failed, requests, statuses }).toEqual({ failed: 4, requests: 8, statuses: { 200: 4 } })
    expect(faults).toEqual({ 'No answer 300 ms after the last request': 4 })
  })

  test('a port on which nobody listens is an error', async () => {
    const { port } = serve(() => {})
    stops.splice(0).forEach((stop) => {
      stop()
    })
    expect(run({ port })).rejects.toThrow()
  })
})

describe('open loop', () => {
  test('sends as many as were planned, whatever the answers take, over all connections in turn', async () => {
    const { port } = serve(async (_, peer) => {
      await Bun.sleep(20)
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
    })
    const generated = await run({ port, rate: 500, connections: 50, ms: 400 })
    expect(generated).toMatchObject({ requests: 200, failed: 0, dropped: 0, rateAsked: 500 })
    expect(generated.latencies.reads!.min).toBeGreaterThan(18)
    expect(generated.lags?.count).toBe(200)
  })

  test('a server that stands still is charged for the requests that it kept waiting', async () => {
    const { port } = serve(async (_, peer) => {
      // The first answer on the only connection holds up all that are planned meanwhile.
      if (peer.served === 1) await Bun.sleep(200)
      peer.write(ok)
    })
    const { latencies, lags, requests, failed } = await run({ port, rate: 100, connections: 1, ms: 300 })
    expect({ requests, failed }).toEqual({ requests: 30, failed: 0 })
    // Planned every 10 ms, they waited 190, 180, … ms: a third of all for longer than 90 ms.
    expect(latencies.reads!.p90).toBeGreaterThan(150)
    expect(lags!.p90).toBeGreaterThan(150)
  })

  test('what found no connection until the end is dropped, and told', async () => {
    const { port } = serve(() => {})
    const { requests, dropped, failed } = await run({
      port,
      rate: 100,
      connections: 2,
      ms: 200,
      graceMs: 300,
    })
    expect({ requests, dropped, failed }).toEqual({ requests: 2, dropped: 18, failed: 2 })
  })

  test('goes on over new connections where old ones are closed', async () => {
    const { port, opened } = serve((_, peer) => {
      peer.write(ok.replace('OK\r\n', 'OK\r\nConnection: close\r\n'))
      peer.close()
    })
    const { requests, failed, dropped } = await run({ port, rate: 200, connections: 3, ms: 300 })
    expect({ requests, failed, dropped }).toEqual({ requests: 60, failed: 0, dropped: 0 })
    expect(opened()).toBeGreaterThanOrEqual(60)
  })

  test('tells rate and latency of each whole second', async () => {
    const { port } = serve((_, peer) => peer.write(ok))
    const { series, requests } = await run({ port, rate: 50, ms: 2_100, bySecond: true })
    expect(series.map(({ group, name }) => `${group} ${name}`)).toEqual([
      'rate held',
      'latency p50',
      'latency p95',
      'latency p99',
    ])
    expect(series[0]!.at).toEqual([0, 1])
    const [first, second] = series[0]!.values as [number, number]
    expect(first).toBeGreaterThan(0)
    expect(second).toBeGreaterThan(0)
    expect(first + second).toBeLessThan(requests)
  })
})

describe('a source of its own', () => {
  test('is made by its module, told of each answer with its body, and may time for itself', async () => {
    const { port } = serve((request, peer) => {
      const body = `answer to ${request.split(' ')[1]}`
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    })
    const module = join(import.meta.dir, 'numbered_source.ts')
    const { requests, failed, latencies } = await run({ port, requests: { module, options: { count: 10 } } })
    // Ten for each of four connections; the source itself compares each body with its request.
    expect({ requests, failed }).toEqual({ requests: 40, failed: 0 })
    expect(latencies.right).toMatchObject({ count: 40, max: 1 })
  })

  test('a schedule ends when there are no more requests', async () => {
    const { port } = serve((_, peer) => peer.write(ok))
    const module = join(import.meta.dir, 'numbered_source.ts')
    const load = { port, connections: 1, rate: 1_000, ms: 60_000 }
    const { requests, dropped } = await run({ ...load, requests: { module, options: { count: 10 } } })
    expect({ requests, dropped }).toEqual({ requests: 10, dropped: 0 })
  })
})

test('runs as a process of its own', async () => {
  const { port } = serve((_, peer) => peer.write(ok))
  const load = { port, connections: 2, ms: 100, rate: null, requests: { list: [get()] } }
  const { pid, result } = startGenerator(load)
  const generated = await result
  expect(pid).toBeGreaterThan(0)
  expect(generated.failed).toBe(0)
  expect(generated.requests).toBe(generated.statuses[200] as number)
  expect(generated.cpuSeconds).toBeGreaterThan(0)
  const { result: broken } = startGenerator({ ...load, requests: { list: [] } })
  expect(broken).rejects.toThrow('ended with code 1')
  await broken.catch(() => {})
})
