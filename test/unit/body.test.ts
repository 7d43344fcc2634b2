import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { AppError } from '../../src/errors.ts'
import { createBodyReader } from '../../src/platform/body.ts'

const readBody = createBodyReader({ bytesMax: 100_000, msMax: 150 })
let server: Bun.Server<undefined>

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      try {
        const body = await readBody(request)
        return new Response(`${body.length} ${new Bun.CryptoHasher('sha1').update(body).digest('hex')}`)
      } catch (error) {
        return new Response(error instanceof AppError ? error.code : String(error), { status: 400 })
      }
    },
  })
})
afterAll(() => server.stop(true))

const bytesOf = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const told = (body: Uint8Array) => `${body.length} ${new Bun.CryptoHasher('sha1').update(body).digest('hex')}`
const post = async (body: Uint8Array<ArrayBuffer> | ReadableStream | null) =>
  (await fetch(server.url, { method: 'POST', body })).text()

function send(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(server.port as number, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => {
      resolve(String(data))
      socket.destroy()
    })
  })
}

test('a body comes as it was sent, announced or in pieces', async () => {
  for (const length of [0, 1, 60_000]) {
    const body = bytesOf(length)
    expect(await post(body)).toBe(told(body))
    expect(await post(new Blob([body]).stream())).toBe(told(body))
  }
  expect(await post(null)).toBe(told(new Uint8Array()))
})

test('a body of exactly the limit is read, one byte more is not', async () => {
  const most = bytesOf(100_000)
  expect(await post(most)).toBe(told(most))
  expect(await post(new Blob([most]).stream())).toBe(told(most))
  expect(await post(bytesOf(100_001))).toBe('too_large')
  expect(await post(new Blob([bytesOf(100_001)]).stream())).toBe('too_large')
})

test('a length that is announced is refused before the body comes', async () => {
  expect(await send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n')).toContain('too_large')
})

test('a body that stops coming is refused in time, again and again', async () => {
  for (const head of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
    const startedAt = performance.now()
    const first = head.startsWith('T') ? '3\r\nabc\r\n' : 'abc'
    const answer = await send(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${first}`)
    expect(answer).toContain('request_timeout')
    expect(performance.now() - startedAt).toBeLessThan(600)
  }
})
