import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isFileUrl, type Line, readLines } from '../../src/shopify/bulk_file.ts'

// Files of bulk operations as a server may give them, good and bad.

type Play = (request: IncomingMessage, response: ServerResponse) => void

let play: Play
let asked: IncomingMessage[] = []
let server: Server
let url: string
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request)
    play(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bulk.jsonl?signature=secret`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const gives = (text: string | Buffer): Play => {
  return (_, response) => {
    response.end(text)
  }
}

async function read(
  playing: Play,
  { offset = 0, bytes, silenceMsMax = 5_000 }: { offset?: number; bytes: number; silenceMsMax?: number },
): Promise<Line[]> {
  play = playing
  asked = []
  const lines: Line[] = []
  const { signal } = new AbortController()
  for await (const more of readLines(url, { offset, bytes, signal, silenceMsMax })) lines.push(...more)
  return lines
}

describe('lines', () => {
  test('come with the bytes they take, also the last one without an end', async () => {
    const text = '{"a":1}\n{"ü":"€"}\nlast'
    expect(await read(gives(text), { bytes: Buffer.byteLength(text) })).toEqual([
      { text: '{"a":1}', bytes: 8 },
      { text: '{"ü":"€"}', bytes: 13 },
      { text: 'last', bytes: 4 },
    ])
  })

  test('are whole wherever the network cuts them, characters included', async () => {
    const text = `${Array.from({ length: 50 }, (_, nth) => `{"n":${nth},"ü":"€${'x'.repeat(nth)}"}`).join('\n')}\n`
    const bytes = Buffer.from(text)
    const inPieces: Play = async (_, response) => {
      for (let from = 0; from < bytes.length; from += 7) {
        response.write(bytes.subarray(from, from + 7))
        if (from % 140 === 0) await new Promise(setImmediate)
      }
      response.end()
    }
    const lines = await read(inPieces, { bytes: bytes.length })
    expect(`${lines.map((line) => line.text).join('\n')}\n`).toBe(text)
    expect(lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(bytes.length)
  })

  test('go on behind an offset, whether the server can begin there or not', async () => {
    const text = 'one\ntwo\nthree\n'
    const ranged: Play = (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
      response.writeHead(206).end(text.slice(from))
    }
    const wanted = [
      { text: 'two', bytes: 4 },
      { text: 'three', bytes: 6 },
    ]
    expect(await read(ranged, { offset: 4, bytes: text.length })).toEqual(wanted)
    expect(await read(gives(text), { offset: 4, bytes: text.length })).toEqual(wanted)
  })

  test('of 200 MB are not kept, and those behind them are read', async () => {
    const piece = Buffer.alloc(1_000_000, 'x')
    const pieces: Play = async (_, response) => {
      response.write('first\n')
      for (let nth = 0; nth < 200; nth++) {
        if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve))
      }
      response.end('\nlast\n')
    }
    expect(await read(pieces, { bytes: 200_000_012 })).toEqual([
      { text: 'first', bytes: 6 },
      { text: null, bytes: 200_000_001 },
      { text: 'last', bytes: 5 },
    ])
  })
})

describe('a file', () => {
  test('that ends too early can be asked for again', async () => {
    await expect(read(gives('one\n'), { bytes: 100 })).rejects.toMatchObject({
      name: 'FileBroken',
      message: 'The file broke off after 4 of 100 bytes',
    })
    const cut: Play = (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('one\n')
      setImmediate(() => response.destroy())
    }
    await expect(read(cut, { bytes: 100 })).rejects.toMatchObject({ name: 'FileBroken' })
  })

  test('that is longer than it should be is not read on', async () => {
    await expect(read(gives('one\ntwo\n'), { bytes: 4 })).rejects.toMatchObject({
      name: 'BulkFailed',
      message: 'The file of the bulk operation is longer than the 4 bytes it should have',
    })
  })

  test('that stands still is given up', async () => {
    const stands: Play = (_, response) => {
      response.write('one\n')
    }
    await expect(read(stands, { bytes: 100, silenceMsMax: 50 })).rejects.toMatchObject({ name: 'FileBroken' })
  })

  test('that is not to be had may be later, and one that is elsewhere is not followed', async () => {
    const status =
      (code: number): Play =>
      (_, response) => {
        response.writeHead(code, { location: `${url}&again` }).end()
      }
    await expect(read(status(403), { bytes: 4 })).rejects.toMatchObject({ name: 'FileBroken' })
    await expect(read(status(503), { bytes: 4 })).rejects.toMatchObject({ name: 'FileBroken' })
    await expect(read(status(302), { bytes: 4 })).rejects.toMatchObject({ name: 'BulkFailed' })
    expect(asked).toHaveLength(1)
  })

  test('is fetched without anything that tells who asks', async () => {
    await read(gives('one\n'), { bytes: 4 })
    const names = Object.keys(asked[0]?.headers ?? {})
    expect(names).not.toContain('x-shopify-access-token')
    expect(names).not.toContain('authorization')
    expect(names).not.toContain('cookie')
  })

  test('is fetched by https, or from this machine', () => {
    const good = ['https://storage.googleapis.com/x.jsonl?signature=1', 'http://127.0.0.1:3001/bulk/1.jsonl']
    const bad = [
      'http://storage.googleapis.com/x.jsonl',
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]/x',
      'http://127.0.0.1.example/x',
      'https://user:password@storage.googleapis.com/x',
      'file:///etc/passwd',
      'data:text/plain,x',
      '/etc/passwd',
      '',
    ]
    expect(good.filter((text) => !isFileUrl(text))).toEqual([])
    expect(bad.filter((text) => isFileUrl(text))).toEqual([])
  })
})
