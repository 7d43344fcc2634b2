import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { isAlive, signal, waitUntil } from '../../src/platform/process.ts'
import { order, product } from '../deliveries.ts'
import { emptyDatabase, expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { runOnsale, type Spawned, spawnOnsale } from './spawn.ts'

setDefaultTimeout(120_000)

const secret = 'a secret of this test'
const running: Spawned[] = []
let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  for (const { process } of running.splice(0)) {
    process.kill('SIGTERM')
    await process.exited
  }
})
afterAll(() => database.drop())

type Line = { pid: number; msg: string; [field: string]: unknown }

/** Several processes under a supervisor, once all of them serve. */
async function serve(processes: number) {
  const spawned = await spawnOnsale(['serve', '--processes', String(processes)], {
    DATABASE_URL: database.url,
    SHOPIFY_WEBHOOK_SECRET: secret,
    SECRET_KEY: secret,
    PAYMENT_WEBHOOK_SECRET: secret,
  })
  running.push(spawned)
  const { process: supervisor, url, log } = spawned
  const read: Line[] = []
  let readChars = 0
  /** Every line is whole, however many processes write at the same time. Each is read once: there are thousands. */
  const lines = () => {
    const text = log()
    const end = text.lastIndexOf('\n') + 1
    for (const line of text.slice(readChars, end).split('\n').slice(0, -1)) read.push(JSON.parse(line))
    readChars = end
    return read
  }
  const said = async (msg: string, count = 1) => {
    const isSaid = () => lines().filter((line) => line.msg === msg).length >= count
    expect([msg, await waitUntil(isSaid, { timeoutMs: 60_000 })]).toEqual([msg, true])
    return lines().filter((line) => line.msg === msg)
  }
  await said('All processes serve')
  return {
    supervisor,
    url,
    port: Number(new URL(url).port),
    lines,
    said,
    pids: () => childrenOf(supervisor.pid),
  }
}

/** The processes that a process has started and that run, oldest first. */
function childrenOf(parent: number): number[] {
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pid=,ppid='])
  const pairs = stdout
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : [])).toSorted((a, b) => a - b)
}

/** The merged metrics, by whoever answers first of so many that are asked: one that hangs is not waited for. */
async function metricsOf(url: string, { asked = 1 } = {}): Promise<(sample: string) => number> {
  for (;;) {
    const signal = AbortSignal.timeout(5_000)
    const ask = () => fetch(`${url}/metrics`, { keepalive: false, signal })
    const answer = await Promise.any(Array.from({ length: asked }, ask)).catch(() => null)
    if (answer === null) continue
    expect(answer.status).toBe(200)
    const text = await answer.text()
    return (sample) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${sample} `))
          ?.slice(sample.length + 1) ?? Number.NaN,
      )
  }
}

const get = (url: string) => fetch(url, { keepalive: false })
const counted = 'api_requests_total{endpoint="/events",method="GET",status="200"}'

test('whichever process is asked, it answers with the metrics of all', async () => {
  const { url, pids } = await serve(3)
  expect(pids()).toHaveLength(3)
  for (let nth = 0; nth < 30; nth++) expect((await get(`${url}/events`)).status).toBe(200)
  for (let nth = 0; nth < 6; nth++) {
    const sample = await metricsOf(url)
    expect(sample(counted)).toBe(30)
    expect(sample('processes_wanted')).toBe(3)
    expect(sample('processes_serving')).toBe(3)
    expect(sample('processes_unheard')).toBe(0)
    expect(sample('notify_connected')).toBe(1)
  }
})

test('a process that is killed is replaced, which log and metrics tell, and no count falls', async () => {
  const { url, said, pids } = await serve(2)
  for (let nth = 0; nth < 20; nth++) await get(`${url}/events`)
  expect((await metricsOf(url))(counted)).toBe(20)
  const before = pids()
  signal(before[0] as number, 'SIGKILL')
  const [line] = await said('The process ended by itself')
  expect(line).toMatchObject({ level: 'error', process: before[0], signal: 'SIGKILL' })
  await said('Another process serves in its place')
  const sample = await metricsOf(url)
  expect(sample(counted)).toBe(20)
  expect(sample('processes_replaced_total{reason="crash"}')).toBe(1)
  expect(sample('processes_serving')).toBe(2)
  expect(pids()).toHaveLength(2)
  expect(pids()).toContain(before[1] as number)
  expect(pids()).not.toContain(before[0] as number)
})

test('a process that hangs holds no metrics back: it counts with what it told last, and that is told', async () => {
  const { url, pids } = await serve(2)
  for (let nth = 0; nth < 20; nth++) await get(`${url}/events`)
  expect((await metricsOf(url))(counted)).toBe(20)
  const [hanging = 0] = pids()
  signal(hanging, 'SIGSTOP')
  try {
    const sample = await metricsOf(url, { asked: 8 })
    expect(sample('processes_unheard')).toBe(1)
    expect(sample(counted)).toBe(20)
  } finally {
    signal(hanging, 'SIGCONT')
  }
  expect((await metricsOf(url))('processes_unheard')).toBe(0)
})

test('a rolling restart replaces every process and loses no request, whoever connects how', async () => {
  const { supervisor, url, port, said, pids, lines } = await serve(2)
  expect((await deliver(url, 'products/create', product())).status).toBe(200)
  const before = pids()
  const load = startLoad({ url, port })
  expect(await waitUntil(() => load.answered() > 500, { timeoutMs: 30_000 })).toBe(true)
  supervisor.kill('SIGHUP')
  await said('The rolling restart is over')
  // Asked for while it is under way, it runs once more: what it started may be older than what is wanted.
  supervisor.kill('SIGHUP')
  await said('The rolling restart begins', 2)
  supervisor.kill('SIGHUP')
  await said('The rolling restart is over', 3)
  const { lost, accepted, answered } = await load.stop()

  expect(lines().filter(({ level }) => level !== 'info')).toEqual([])
  expect(lost).toEqual([])
  for (const [kind, count] of Object.entries(answered)) expect([kind, count > 0]).toEqual([kind, true])
  expect(pids()).toHaveLength(2)
  expect(pids().filter((pid) => before.includes(pid))).toEqual([])
  expect(before.filter(isAlive)).toEqual([])

  const rows = await database.admin`select delivery_id from onsale.deliveries`
  const stored = new Set(rows.map((row) => row.delivery_id))
  expect(accepted.filter((id) => !stored.has(id))).toEqual([])
  await expectVerified(database.admin)
  // What the processes that are gone have counted is still in the sums.
  const sample = await metricsOf(url)
  expect(sample('processes_replaced_total{reason="restart"}')).toBe(6)
  expect(sample('webhook_processing_seconds_count')).toBe(accepted.length + 1)
})

test('a rolling restart onto code that does not start is given up, and the old processes serve on', async () => {
  const { supervisor, url, said, pids } = await serve(2)
  const before = pids()
  const [schema] = await database.admin`select obj_description('api'::regnamespace) as comment`
  const comment = async (text: string) => await database.admin.unsafe(`comment on schema api is '${text}'`)
  await comment('Functions of Onsale. migration 1, functions 0')
  try {
    supervisor.kill('SIGHUP')
    await said('The rolling restart is given up: a new process does not serve, so the others stay')
    await said('The rolling restart is over')
  } finally {
    await comment(schema?.comment)
  }
  expect(before.filter(isAlive)).toEqual(before)
  expect((await get(`${url}/events`)).status).toBe(200)
  // And it goes well when the cause is gone.
  supervisor.kill('SIGHUP')
  await said('The rolling restart is over', 2)
  expect(before.filter(isAlive)).toEqual([])
})

test('SIGTERM ends all processes, the supervisor last', async () => {
  const { supervisor, pids } = await serve(2)
  const before = pids()
  expect(before).toHaveLength(2)
  supervisor.kill('SIGTERM')
  expect(await supervisor.exited).toBe(0)
  expect(before.filter(isAlive)).toEqual([])
})

test('SIGTERM in the middle of a rolling restart ends the new and the old', async () => {
  const { supervisor, said, pids } = await serve(2)
  supervisor.kill('SIGHUP')
  await said('Serving', 3)
  const before = pids()
  expect(before).toHaveLength(3)
  supervisor.kill('SIGTERM')
  expect(await supervisor.exited).toBe(0)
  expect(before.filter(isAlive)).toEqual([])
})

test('a terminal signals every process in it, and only the supervisor acts on it', async () => {
  const { supervisor, url, pids, lines } = await serve(2)
  for (const pid of pids()) for (const name of ['SIGINT', 'SIGHUP'] as const) signal(pid, name)
  expect((await get(`${url}/events`)).status).toBe(200)
  expect(pids().filter(isAlive)).toHaveLength(2)
  supervisor.kill('SIGINT')
  expect(await supervisor.exited).toBe(0)
  expect(lines().filter(({ level }) => level === 'error')).toEqual([])
})

test('processes whose supervisor was killed end by themselves', async () => {
  const { supervisor, pids } = await serve(2)
  const before = pids()
  supervisor.kill('SIGKILL')
  await supervisor.exited
  expect(before).toHaveLength(2)
  expect(await waitUntil(() => !before.some(isAlive), { timeoutMs: 20_000 })).toBe(true)
})

test('where one process cannot start the others are not tried, and the reason is told once', async () => {
  const empty = await emptyDatabase()
  try {
    const { code, output } = await runOnsale(['serve', '--processes', '4'], { DATABASE_URL: empty.url })
    expect(code).toBe(1)
    expect(output.match(/run `migrate` first/g)).toHaveLength(1)
  } finally {
    await empty.drop()
  }
})

test('how many there may be is said', async () => {
  for (const count of ['0', '-1', '1.5', 'many', '1000']) {
    const { code, output } = await runOnsale(['serve', '--processes', count], { DATABASE_URL: database.url })
    expect([count, code]).toEqual([count, 1])
    expect(output).toContain('It must be `auto` or a whole number from 1 to ')
  }
})

/** Clients of every kind, none of which asks twice for what it was not answered. */
function startLoad({ url, port }: { url: string; port: number }) {
  let isStopping = false
  const lost: string[] = []
  const accepted: string[] = []
  const answered = { short: 0, kept: 0, thinking: 0, early: 0, webhook: 0 }
  const body = 'GET /events HTTP/1.1\r\nhost: test\r\n'

  const clients = [
    // Hundreds a second, and no more: what takes all of the machine keeps the restart waiting.
    ...many(4, () => visit('short', { request: `${body}connection: close\r\n\r\n`, thinkMs: 0, waitMs: 20 })),
    ...many(4, () => visit('kept', { request: `${body}\r\n`, thinkMs: 10, waitMs: 0 })),
    ...many(40, () => visit('thinking', { request: `${body}\r\n`, thinkMs: 1_000, waitMs: 0 })),
    // Connected, and nothing sent yet: such a connection waits in the kernel, where a closing listener resets it.
    ...many(20, () =>
      visit('early', { request: `${body}connection: close\r\n\r\n`, thinkMs: 0, waitMs: 2_000 }),
    ),
    ...many(4, deliverOn),
  ]

  return {
    answered: () => Object.values(answered).reduce((sum, count) => sum + count, 0),
    async stop() {
      isStopping = true
      await Promise.all(clients)
      return { lost, accepted, answered }
    },
  }

  /** One connection after the other. */
  async function visit(
    kind: keyof typeof answered,
    how: { request: string; thinkMs: number; waitMs: number },
  ) {
    while (!isStopping) await visitOnce(kind, how)
  }

  function visitOnce(
    kind: keyof typeof answered,
    { request, thinkMs, waitMs }: { request: string; thinkMs: number; waitMs: number },
  ): Promise<void> {
    return new Promise((resolve) => {
      let isWaiting = false
      let received = ''
      const ask = () => {
        if (isStopping) return socket.end()
        isWaiting = true
        received = ''
        socket.write(request)
      }
      const socket = connect(port, '127.0.0.1', () => setTimeout(ask, waitMs * Math.random()))
      socket.on('data', (data) => {
        received += data.toString('latin1')
        const head = received.indexOf('\r\n\r\n')
        const length = Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? Number.NaN)
        if (head < 0 || received.length < head + 4 + length) return
        if (!received.startsWith('HTTP/1.1 200')) lost.push(`${kind}: ${received.slice(0, 40)}`)
        answered[kind]++
        isWaiting = false
        if (!/^connection: close/im.test(request + received)) setTimeout(ask, thinkMs * (0.5 + Math.random()))
      })
      socket.on('error', (error) => lost.push(`${kind}: ${error.message}`))
      socket.on('close', () => {
        if (isWaiting) lost.push(`${kind}: closed instead of answered`)
        resolve()
      })
    })
  }

  async function deliverOn() {
    while (!isStopping) {
      const id = ++orderCount
      const line = { id, variant_id: 11, quantity: 1, current_quantity: 1 }
      try {
        const answer = await deliver(url, 'orders/create', order({ id, lines: [line] }))
        if (answer.status !== 200) lost.push(`webhook: ${answer.status}`)
        else accepted.push(answer.deliveryId)
        answered.webhook++
      } catch (error) {
        lost.push(`webhook: ${error}`)
      }
      await Bun.sleep(20 * Math.random())
    }
  }
}

let orderCount = 0
const many = (count: number, start: () => Promise<void>) => Array.from({ length: count }, start)

async function deliver(url: string, topic: string, body: object) {
  const bytes = JSON.stringify(body)
  const response = await fetch(`${url}/webhooks/${topic}`, {
    method: 'POST',
    body: bytes,
    headers: {
      'content-type': 'application/json',
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(bytes).digest('base64'),
    },
  })
  const answer = (await response.json()) as { delivery_id: string }
  return { status: response.status, deliveryId: answer.delivery_id }
}
