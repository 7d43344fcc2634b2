import { connect, createServer, type Socket } from 'node:net'

export type TestProxy = {
  /** The same URL, past the proxy. */
  url: string
  /** Nothing comes through any more, and nobody is told: a half-open connection, a hanging server. */
  freeze: () => void
  /** As freeze, of the connections of now alone, for good: a firewall that has forgotten them. */
  strand: () => void
  /** What was held back goes on. */
  thaw: () => void
  /** Ends all connections and refuses new ones. */
  cut: () => Promise<void>
  /** Accepts again on the same port. */
  mend: () => Promise<void>
  stop: () => Promise<void>
}

/** A network between a process and its database, or its Redis, which can fail. */
export async function testProxy(url: string): Promise<TestProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isFrozen = false
  let port = 0
  let server = await listen()

  const proxied = new URL(url)
  proxied.hostname = '127.0.0.1'
  proxied.port = String(port)
  return {
    url: proxied.href,
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    strand() {
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    cut,
    async mend() {
      server = await listen()
    },
    stop: cut,
  }

  function listen() {
    const made = createServer((inner) => {
      const outer = connect(Number(target.port || 5432), target.hostname)
      for (const [from, to] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        sockets.add(from)
        from.on('data', (bytes) => to.write(bytes))
        from.on('error', () => {})
        from.on('close', () => {
          sockets.delete(from)
          to.destroy()
        })
        if (isFrozen) from.pause()
      }
    })
    return new Promise<typeof made>((resolve) => {
      made.listen(port, '127.0.0.1', () => {
        port = (made.address() as { port: number }).port
        resolve(made)
      })
    })
  }

  async function cut(): Promise<void> {
    isFrozen = false
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
}
