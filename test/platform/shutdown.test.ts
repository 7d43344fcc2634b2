import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { retireLookEveryMs } from '../../src/limits.ts'
import { closeListener } from '../../src/platform/listener.ts'
import { createLog } from '../../src/platform/log.ts'
import { waitUntil } from '../../src/platform/process.ts'
import { drainServer, retireServer, stopInOrder } from '../../src/platform/shutdown.ts'
import { order, product } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { spawnOnsale } from './spawn.ts'

setDefaultTimeout(60_000)

const silent = createLog({ level: 'silent' })

describe('stopInOrder', () => {
  test('runs every step in turn, although one fails', async () => {
    const ran: string[] = []
    await stopInOrder(
      [
        ['slow', () => Bun.sleep(20).then(() => ran.push('slow'))],
        [
          'broken',
          () => {
            throw new Error('broken')
          },
        ],
        ['last', () => ran.push('last')],
      ],
      { log: silent },
    )
    expect(ran).toEqual(['slow', 'last'])
  })
})

describe('drainServer', () => {
  test('answers every request of clients that never pause, and tells them that the connection closes', async () => {
    const served = {
      async fetch(request: Request) {
        const bytes = (await request.arrayBuffer()).byteLength
        await Bun.sleep(2)
        return new Response(String(bytes))
      },
    }
    const server = Bun.serve({ ...served, port: 0, hostname: '127.0.0.1' })
    const port = server.port ?? 0
    let answeredCount = 0
    const onAnswer = () => answeredCount++
    const clients = Array.from({ length: 40 }, () => keepAsking(port, { onAnswer }))
    expect(await waitUntil(() => answeredCount > 500, { timeoutMs: 30_000 })).toBe(true)
    await drainServer(server, served)
    const results = await Promise.all(clients)

    expect(results.filter(({ isLost }) => isLost)).toEqual([])
    expect(results.filter(({ saidClose }) => !saidClose)).toEqual([])
    expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
  })

  test('waits for an answer that takes its time', async () => {
    const served = {
      async fetch() {
        await Bun.sleep(500)
        return new Response('late')
      },
    }
    const server = Bun.serve({ ...served, port: 0, hostname: '127.0.0.1' })
    const answer = fetch(`http://127.0.0.1:${server.port}`)
    await Bun.sleep(50)
    await drainServer(server, served)
    expect(await (await answer).text()).toBe('late')
  })
})

describe('retireServer', () => {
  const served = { fetch: () => new Response('answer') }

  async function retiring({ signal }: { signal: AbortSignal }) {
    const server = Bun.serve({ ...served, port: 0, hostname: '127.0.0.1', idleTimeout: 30 })
    const port = server.port as number
    const idle = connect(port, '127.0.0.1')
    const ask = () => {
      idle.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n')
      return new Promise<string>((resolve) => idle.once('data', (data) => resolve(data.toString())))
    }
    const closed = new Promise<void>((resolve) => idle.once('close', () => resolve()))
    await ask()
    await closeListener(port)
    let isOver = false
    const over = retireServer(server, served, { port, signal }).then(() => {
      isOver = true
    })
    return { ask, closed, over, isOver: () => isOver }
  }

  test('a connection on which nobody asks is left open until its next request is answered', async () => {
    const { ask, closed, over, isOver } = await retiring({ signal: new AbortController().signal })
    await Bun.sleep(3 * retireLookEveryMs)
    // Where the system does not tell who is connected, all are waited for.
    expect(isOver()).toBe(false)
    expect(await ask()).toMatch(/^connection: close\r\n/im)
    await closed
    if (process.platform === 'linux') await over
  })

  test('who is in a hurry closes it', async () => {
    const hurry = new AbortController()
    const { closed, over } = await retiring({ signal: hurry.signal })
    hurry.abort()
    await over
    await closed
  })
})

describe('serve under load', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database.drop())

  test('on SIGTERM loses no accepted delivery, answers every open request and ends by itself', async () => {
    const secret = 'a secret of this test'
    const onsale = await spawnOnsale(['serve'], {
      DATABASE_URL: database.url,
      SHOPIFY_WEBHOOK_SECRET: secret,
    })
    const first = await post(onsale.url, secret, 'products/create', product())
    expect(first.status).toBe(200)

    let orderCount = 0
    const accepted: string[] = []
    const broken: unknown[] = []
    const clients = Array.from({ length: 32 }, async () => {
      for (;;) {
        const id = ++orderCount
        try {
          const answer = await post(
            onsale.url,
            secret,
            'orders/create',
            order({ id, lines: [{ id, variant_id: 11, quantity: 1, current_quantity: 1 }] }),
          )
          if (answer.status !== 200) broken.push(answer.status)
          else accepted.push(answer.deliveryId)
        } catch (error) {
          // Refused: it was never accepted. Anything else is a request that was open and got no answer.
          const code = (error as { code?: string }).code
          if (code !== 'ConnectionRefused' && code !== 'ECONNREFUSED') broken.push(code ?? String(error))
          return
        }
      }
    })
    expect(await waitUntil(() => accepted.length > 300, { timeoutMs: 30_000 })).toBe(true)
    onsale.process.kill('SIGTERM')
    await Promise.all(clients)
    expect(await onsale.process.exited).toBe(0)

    expect(broken).toEqual([])
    const stored = await database.admin`select delivery_id from onsale.deliveries`
    const known = new Set(stored.map((row) => row.delivery_id))
    expect(accepted.filter((id) => !known.has(id))).toEqual([])
    const [sold] = await database.admin`select sold::int from onsale.stock where channel = 'shopify'`
    expect(sold?.sold).toBeGreaterThanOrEqual(accepted.length)
    await expectVerified(database.admin)
  })
})

/** One connection with one request after the other, until it is closed. */
function keepAsking(
  port: number,
  { onAnswer }: { onAnswer: () => void },
): Promise<{ isLost: boolean; saidClose: boolean }> {
  return new Promise((resolve) => {
    const body = 'x'.repeat(2000)
    const request = `POST / HTTP/1.1\r\nhost: test\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    let isWaiting = false
    let saidClose = false
    const ask = () => {
      isWaiting = true
      socket.write(request)
    }
    const socket = connect(port, '127.0.0.1', ask)
    socket.on('data', (data) => {
      isWaiting = false
      onAnswer()
      saidClose = /^connection: close/im.test(data.toString())
      if (!saidClose) ask()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve({ isLost: isWaiting, saidClose }))
  })
}

async function post(url: string, secret: string, topic: string, body: object) {
  const bytes = JSON.stringify(body)
  const response = await fetch(`${url}/webhooks/${topic}`, {
    method: 'POST',
    body: bytes,
    headers: {
      'content-type': 'application/json',
      'x-shopify-topic': topic,
      'x-shopify-shop-domain': 'demo.myshopify.com',
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(bytes).digest('base64'),
    },
  })
  const answer = (await response.json()) as { delivery_id: string; outcome: string }
  return { status: response.status, deliveryId: answer.delivery_id, outcome: answer.outcome }
}
