import { afterEach, expect, test } from 'bun:test'
import { closeSync, openSync, readSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import {
  closeListener,
  countConnections,
  leadConnections,
  spreadConnections,
} from '../../src/platform/listener.ts'
import { waitUntil } from '../../src/platform/process.ts'

// Elsewhere than on Linux each function says that it cannot, and the process retires as one that is stopped.
const isLinux = process.platform === 'linux'

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A listener of ours on a shared port. */
function listen(port: number): Bun.Server<undefined> {
  const server = Bun.serve({ ...shared, port, idleTimeout: 30, fetch: () => new Response('ours') })
  ending.push(() => server.stop(true))
  return server
}

const shared = { hostname: '127.0.0.1', reusePort: true }

/** Another process that listens on a shared port, and answers its name. */
async function startNeighbour(name: string, port = 0) {
  const script = `
    const server = Bun.serve({ ...${JSON.stringify(shared)}, port: ${port}, fetch: () => new Response('${name}') })
    process.stdout.write(String(server.port))`
  const child = Bun.spawn([process.execPath, '-e', script], { stdin: 'ignore', stdout: 'pipe' })
  const end = async () => {
    child.kill()
    await child.exited
  }
  ending.push(end)
  const { value } = await child.stdout.getReader().read()
  return { port: Number(new TextDecoder().decode(value)), end }
}

/** Who answers so many requests, each on a connection of its own. */
async function whoAnswers(port: number, count: number): Promise<string[]> {
  const names = await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}`, { keepalive: false })
      return await answer.text()
    }),
  )
  return [...new Set(names)].sort()
}

/** A connection that is kept, and asks when it is told to. */
async function open(port: number): Promise<{ socket: Socket; ask: () => Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  ending.push(() => socket.destroy())
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString().split('\r\n\r\n')[1] ?? ''))
      socket.once('error', reject).once('close', () => reject(new Error('The connection was closed')))
      socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n')
    })
  expect(await ask()).toBe('ours')
  return { socket, ask }
}

test('new connections all come to the newest listener, until they are spread again', async () => {
  const { port } = await startNeighbour('neighbour')
  listen(port)
  expect(await whoAnswers(port, 200)).toEqual(['neighbour', 'ours'])
  expect(await leadConnections(port)).toBe(isLinux)
  if (isLinux) expect(await whoAnswers(port, 200)).toEqual(['ours'])
  expect(await spreadConnections(port)).toBe(isLinux)
  expect(await whoAnswers(port, 200)).toEqual(['neighbour', 'ours'])
})

test('they are spread by themselves as soon as one of the others is gone', async () => {
  const leaving = await startNeighbour('leaving')
  await startNeighbour('staying', leaving.port)
  listen(leaving.port)
  expect(await leadConnections(leaving.port)).toBe(isLinux)
  await leaving.end()
  expect(await whoAnswers(leaving.port, 200)).toEqual(['ours', 'staying'])
})

test('a closed listener takes no connection any more, and those it has go on', async () => {
  if (!isLinux) return expect(await closeListener(1)).toBe(false)
  const server = listen(0)
  const port = server.port as number
  const kept = await open(port)
  const idle = await open(port)
  expect(await closeListener(port)).toBe(true)
  await expect(whoAnswers(port, 1)).rejects.toThrow()
  expect(await kept.ask()).toBe('ours')
  expect(idle.socket.destroyed).toBe(false)
})

test('a server whose listener is closed can be stopped, and closes nothing else with it', async () => {
  if (!isLinux) return expect(await closeListener(1)).toBe(false)
  const server = listen(0)
  await closeListener(server.port as number)
  const files = Array.from({ length: 20 }, () => openSync(import.meta.path, 'r'))
  await server.stop(false)
  for (const file of files) {
    expect(readSync(file, Buffer.alloc(1))).toBe(1)
    closeSync(file)
  }
})

test('the connections of this process are counted, not those of its neighbours', async () => {
  if (!isLinux) return expect(countConnections(1)).toBeNull()
  const server = listen(0)
  const port = server.port as number
  expect(countConnections(port)).toBe(0)
  const connections = [await open(port), await open(port), await open(port)]
  expect(countConnections(port)).toBe(3)

  await closeListener(port)
  const neighbour = await startNeighbour('neighbour', port)
  const response = await fetch(`http://127.0.0.1:${neighbour.port}`, { keepalive: true })
  expect(await response.text()).toBe('neighbour')
  expect(countConnections(port)).toBe(3)

  connections[0]?.socket.destroy()
  expect(await waitUntil(() => countConnections(port) === 2, { timeoutMs: 5_000 })).toBe(true)
})

test('where nobody of ours listens there is nothing to lead, spread or close', async () => {
  const { port } = await startNeighbour('neighbour')
  expect([await leadConnections(port), await spreadConnections(port), await closeListener(port)]).toEqual([
    false,
    false,
    false,
  ])
})
