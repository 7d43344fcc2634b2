import { afterEach, describe, expect, test } from 'bun:test'
import { deliver, planOf, signature } from '../../sandbox/deliver.ts'
import { createShop } from '../../sandbox/life.ts'

const shop = createShop({ seed: 'deliver', events: 4, large_events: 0 })
shop.live(300)
const { deliveries } = shop

let server: ReturnType<typeof Bun.serve> | null = null
afterEach(async () => {
  await server?.stop(true)
  server = null
})

/** A receiver that answers what it is told, and remembers what it got */
function receive(answer: (nth: number) => Response | Promise<Response>) {
  const got: { path: string; headers: Headers; body: string }[] = []
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      got.push({ path: new URL(request.url).pathname, headers: request.headers, body: await request.text() })
      return answer(got.length)
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, got }
}

const applied = () => Response.json({ outcome: 'applied', delivery_id: '1' })

describe('the plan', () => {
  test('without options it is the order in which deliveries left', () => {
    expect(planOf(5, {}).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
    expect(planOf(5, {}).every(({ due_ms }) => due_ms === 0)).toBe(true)
  })

  test('every delivery is in it, a fifth of them twice', () => {
    const plan = planOf(10_000, { duplicates: 0.2, shuffle: true })
    expect(plan.length).toBeWithin(11_800, 12_200)
    expect(new Set(plan.map(({ index }) => index)).size).toBe(10_000)
  })

  test('a window moves each by no more than its places', () => {
    const plan = planOf(1000, { shuffle: 10 })
    const moved = plan.map(({ index }, place) => Math.abs(index - place))
    expect(Math.max(...moved)).toBeWithin(1, 11)
  })

  test('a rate spaces them out, a delay holds them back', () => {
    expect(planOf(3, { rate: 100 }).map(({ due_ms }) => due_ms)).toEqual([0, 10, 20])
    for (const { due_ms } of planOf(50, { delay_ms: [100, 200] })) expect(due_ms).toBeWithin(100, 200)
  })

  test('the same seed plans the same', () => {
    const plan = (seed: string) => planOf(100, { seed, shuffle: true, duplicates: 0.5, delay_ms: [0, 9] })
    expect(plan('a')).toEqual(plan('a'))
    expect(plan('a')).not.toEqual(plan('b'))
  })
})

describe('delivery over HTTP', () => {
  test('the signature is the base64 HMAC-SHA256 of the body', () => {
    // echo -n '{"id":1}' | openssl dgst -sha256 -hmac secret -binary | base64
    expect(signature('secret', '{"id":1}')).toBe(KNOWN_SIGNATURE)
  })

  test('all arrive once, signed, with their headers, on the path of their topic', async () => {
    const { url, got } = receive(applied)
    const report = await deliver(deliveries, { url, secret: 'secret' })
    expect(report).toMatchObject({
      requests: deliveries.length,
      answered: deliveries.length,
      repeats: 0,
      lost_count: 0,
    })
    expect(report.outcomes).toEqual({ applied: deliveries.length })
    for (const { path, headers, body } of got) {
      expect(headers.get('x-shopify-hmac-sha256')).toBe(signature('secret', body))
      expect([`/webhooks/${headers.get('x-shopify-topic')}`, '/webhooks/shopify']).toContain(path)
    }
    const bodies = (list: readonly { body: string }[]) => list.map(({ body }) => body).sort()
    expect(bodies(got)).toEqual(bodies(deliveries))
  })

  test('duplicates are the same request again: same id, same bytes', async () => {
    const { url, got } = receive(applied)
    await deliver(deliveries, { url, secret: 's', duplicates: 1 })
    expect(got.length).toBe(2 * deliveries.length)
    const byId = Map.groupBy(got, ({ headers }) => headers.get('x-shopify-webhook-id'))
    for (const [first, second] of byId.values()) expect(second?.body).toBe(first!.body)
  })

  test('what is not answered 200 is repeated until it is', async () => {
    const { url } = receive((nth) => (nth <= 100 ? new Response('', { status: 503 }) : applied()))
    const report = await deliver(deliveries, { url, secret: 's' })
    expect(report.answered).toBe(deliveries.length)
    expect(report.repeats).toBe(report.statuses['503']!)
    expect(report.repeats).toBe(100)
  })

  test('a server that dies and comes back loses nothing', async () => {
    const first = receive(applied)
    const port = server!.port!
    setTimeout(() => server!.stop(true), 30)
    setTimeout(() => {
      server = Bun.serve({ port, hostname: '127.0.0.1', fetch: applied })
    }, 300)
    const report = await deliver(deliveries, { url: first.url, secret: 's', rate: 3000, concurrency: 8 })
    expect(report.answered).toBe(deliveries.length)
    expect(report.repeats).toBeGreaterThan(0)
  })

  test('what repeating cannot help is refused and told', async () => {
    const { url } = receive(() => Response.json({ code: 'bad_signature' }, { status: 401 }))
    const report = await deliver(deliveries.slice(0, 10), { url, secret: 'wrong' })
    expect(report).toMatchObject({ answered: 0, refused_count: 10, repeats: 0 })
    expect(report.refused[0]).toMatchObject({ status: 401, answer: '{"code":"bad_signature"}' })
  })

  test('patience has an end', async () => {
    const { url } = receive(() => new Response('', { status: 503 }))
    const report = await deliver(deliveries.slice(0, 5), { url, secret: 's', patience_ms: 200 })
    expect(report).toMatchObject({ answered: 0, lost_count: 5 })
  })

  test('no more are under way at once than allowed', async () => {
    let underWay = 0
    let most = 0
    const { url } = receive(async () => {
      most = Math.max(most, ++underWay)
      await Bun.sleep(2)
      underWay--
      return applied()
    })
    await deliver(deliveries, { url, secret: 's', concurrency: 7 })
    expect(most).toBe(7)
  })

  test('a rate does not wait for slow answers, and waiting counts as latency', async () => {
    const { url } = receive(async () => {
      await Bun.sleep(100)
      return applied()
    })
    const open = await deliver(deliveries.slice(0, 100), { url, secret: 's', rate: 1000, concurrency: 256 })
    expect(open.seconds).toBeLessThan(0.5)
    const narrow = await deliver(deliveries.slice(0, 20), { url, secret: 's', rate: 1000, concurrency: 2 })
    expect(narrow.latency_ms.max).toBeGreaterThan(500)
  })
})

const KNOWN_SIGNATURE = 'A971iWIMgT8Zj9A9eWfikrFj7wQ16/Qwcc4OlRl2PLc='
