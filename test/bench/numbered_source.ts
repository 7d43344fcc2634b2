import type { RequestSource } from '../../bench/runner/generator.ts'

/** Requests numbered for each connection; times 1 where the answer's body names its request, else 0. */
export function createSource({ count }: { count: number }): RequestSource {
  const sent = new Map<number, number>()
  const right: number[] = []
  return {
    next(connection) {
      const nth = (sent.get(connection) ?? 0) + 1
      if (nth > count) return null
      sent.set(connection, nth)
      const bytes = Buffer.from(`GET /${connection}/${nth} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return { bytes, expected: [200], group: 'numbered' }
    },
    answered({ connection, body }) {
      right.push(body.toString() === `answer to /${connection}/${sent.get(connection)}` ? 1 : 0)
    },
    timed: () => ({ right }),
  }
}
