// How long a write to Shopify takes until visitors see it: an admin's PATCH is answered 202, a worker asks the fake shop, its webhook
// comes back, and a cached read shows it. With visitors beside it.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createTokens } from '../../src/accounts/tokens.ts'
import { openPool } from '../../src/platform/database.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { freePort, waitUntil } from '../../src/platform/process.ts'
import type { Distribution } from '../result.ts'
import { distributionOf, Samples } from '../runner/distribution.ts'
import { startServers } from '../runner/servers.ts'
import { withDatabase } from './database.ts'

const sandbox = resolve(import.meta.dir, '../../sandbox')
const secret = 'a secret of more than 32 characters'
const token = 'circle'

export type CircleOptions = {
  writes: number
  writesPerS: number
  /** Each reads an event, over and over, with a pause of 50 ms. */
  visitors: number
}

/** `visible`: from the 202 until a read shows it; `answered`: the 202 itself. In ms. */
export type CircleResult = { visible: Distribution; answered: Distribution; reads: number }

/** Renames events of the demo shop, each once, in a database of its own. Throws where one is not seen to change. */
export async function measureCircle(adminUrl: string, options: CircleOptions): Promise<CircleResult> {
  const folder = mkdtempSync(join(tmpdir(), 'onsale-circle-'))
  const apiPort = await freePort()
  try {
    return await withDatabase(adminUrl, 'circle', async (databaseUrl) => {
      await migrate(databaseUrl)
      const servers = await startServers({
        databaseUrl,
        redisUrl: null,
        secret,
        folder,
        processes: { count: 1, ports: 'shared' },
        env: {
          SHOPIFY_API_URL: `http://127.0.0.1:${apiPort}/admin/api/2026-10/graphql.json`,
          SHOPIFY_ACCESS_TOKEN: token,
        },
      })
      const [url] = servers.urls
      let shop: ChildProcess | null = null
      try {
        await loadDemo(url)
        shop = await playShop(url, apiPort)
        return await rename(url, await adminToken(databaseUrl), options)
      } finally {
        shop?.kill('SIGKILL')
        await servers.stop()
      }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rename(
  url: string,
  admin: string,
  { writes, writesPerS, visitors }: CircleOptions,
): Promise<CircleResult> {
  const events = await listEvents(url, writes)
  const visible = new Samples()
  const answered = new Samples()
  let isOver = false
  let reads = 0
  const visiting = Array.from({ length: visitors }, async (_, nth) => {
    while (!isOver) {
      await (await fetch(`${url}/events/${events[nth % events.length]!.id}`)).arrayBuffer()
      reads++
      await Bun.sleep(50)
    }
  })
  try {
    const startedAt = performance.now()
    await Promise.all(
      events.map(async (event, nth) => {
        await Bun.sleep(startedAt + (nth * 1_000) / writesPerS - performance.now())
        await renameOne(event, `Renamed ${nth}`)
      }),
    )
  } finally {
    isOver = true
    await Promise.all(visiting)
  }
  return { visible: distributionOf(visible.sorted())!, answered: distributionOf(answered.sorted())!, reads }

  async function renameOne({ id, version }: Listed, title: string): Promise<void> {
    const askedAt = performance.now()
    const response = await fetch(`${url}/events/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${admin}` },
      body: JSON.stringify({ version, title }),
    })
    const takenAt = performance.now()
    if (response.status !== 202) throw new Error(`A write was answered ${await response.text()}`)
    answered.add(takenAt - askedAt)
    const isShown = async () => (await readEvent(url, id)).title === title
    if (!(await waitUntil(isShown, { timeoutMs: 30_000 })))
      throw new Error(`Event ${id} was not seen to change`)
    visible.add(performance.now() - takenAt)
  }
}

type Listed = { id: number; title: string; version: number }

async function listEvents(url: string, count: number): Promise<Listed[]> {
  const pages = Array.from({ length: Math.ceil(count / 100) }, async (_, nth) => {
    const response = await fetch(`${url}/events?limit=100&page=${nth + 1}`)
    return ((await response.json()) as { events: Listed[] }).events
  })
  const events = (await Promise.all(pages)).flat().slice(0, count)
  if (events.length < count) throw new Error(`The demo shop has ${events.length} events, not ${count}`)
  return events
}

async function readEvent(url: string, id: number): Promise<Listed> {
  return (await (await fetch(`${url}/events/${id}`)).json()) as Listed
}

async function adminToken(databaseUrl: string): Promise<string> {
  const sql = openPool(databaseUrl, { name: 'circle', max: 1 })
  const [row] = await sql<{ id: number }[]>`
    insert into onsale.users (email, password_hash, role) values ('admin@example.com', 'none', 'ADMIN')
    returning id::float8 as id`
  await sql.end({ timeout: 1 })
  return await createTokens([secret]).sign({ userId: row!.id, role: 'ADMIN', tokenGeneration: 1 })
}

async function loadDemo(url: string): Promise<void> {
  const child = play(['demo.ts', '--url', url])
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`The demo shop was not loaded (${code})`)
}

/** The demo shop with points enough for the largest plan's rate. */
async function playShop(url: string, port: number): Promise<ChildProcess> {
  const points = ['--bucket-size', '20000', '--restore-rate', '1000']
  const child = play(['shop.ts', '--serve', '--demo', '--port', String(port), '--url', url, ...points])
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/control`)
      .then(({ ok }) => ok)
      .catch(() => false)
  if (!(await waitUntil(isUp, { timeoutMs: 20_000 }))) throw new Error('The fake shop did not start')
  return child
}

function play([program = '', ...args]: string[]): ChildProcess {
  return spawn(process.execPath, [join(sandbox, program), ...args], {
    env: {
      PATH: process.env.PATH,
      SHOPIFY_WEBHOOK_SECRET: secret,
      SHOPIFY_ACCESS_TOKEN: token,
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
