import { expect, test } from 'bun:test'
import { readHead } from '../../bench/runner/answer_reader.ts'

const read = (text: string) => readHead(Buffer.from(text))

test('a head tells status, length of the body and where it ends', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n'
  expect(read(`${head}hello`)).toEqual({ status: 200, headBytes: head.length, bodyBytes: 5, closes: false })
})

test('header names are taken in any case and with any blanks', () => {
  expect(read('HTTP/1.1 503 Busy\r\ncontent-length:7 \r\nCONNECTION:  Close\r\n\r\n')).toMatchObject({
    status: 503,
    bodyBytes: 7,
    closes: true,
  })
})

test('a header that only ends in the name does not count', () => {
  expect(read('HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nContent-Length: 1\r\n\r\n')?.bodyBytes).toBe(1)
})

test('304 and 204 have no body, whatever length they tell', () => {
  expect(read('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')?.bodyBytes).toBe(0)
  expect(read('HTTP/1.1 304 Not Modified\r\nContent-Length: 15000\r\n\r\n')?.bodyBytes).toBe(0)
  expect(read('HTTP/1.1 204 No Content\r\n\r\n')?.bodyBytes).toBe(0)
})

test('a part of a head is not a head', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
  for (let length = 0; length < head.length; length++) expect(read(head.slice(0, length))).toBeNull()
})

test('what has no end that can be told is refused', () => {
  expect(() => read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toThrow(
    'without Content-Length',
  )
  expect(() => read('HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n')).toThrow('without Content-Length')
  expect(() => read('SSH-2.0-OpenSSH\r\n\r\n')).toThrow('no HTTP/1.1')
  expect(() => read(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`)).toThrow('longer than')
})
