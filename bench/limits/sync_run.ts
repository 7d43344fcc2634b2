// A first sync as an operator runs it, `bun src/main.ts sync`, while the service takes webhooks about the same events: killed (as by
// `kill -9`) in the middle, and run again.
//
//   bun bench/limits/sync_run.ts <adminUrl> [--events N]     prints what it saw as JSON
//
// In the end the mirror must hold what the shop's files say, and of whatever webhooks told meanwhile what those said.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { deliver } from '../../sandbox/deliver.ts'
import type { Delivery } from '../../sandbox/world.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { startServers } from '../runner/servers.ts'
import { bulkToken, itemId, locationId, productId, ticketsPerEvent, variantId } from './bulk_shop.ts'
import { withDatabase } from './database.ts'
import { withBulkShop } from './sync.ts'

export type SyncRunFigures = {
  events: number
  tickets: number
  /** Lines of the shop's files. */
  lines: number
  /** Of both runs together, from the start of a process to its end. */
  seconds: number
  linesPerS: number
  /** Lines that were applied when it was killed. */
  killedAtLine: number
  /** The most that a process of the sync had in memory. */
  mebibytesMax: number
  webhooks: number
  /** Of the webhooks that arrived meanwhile, in ms. */
  webhookP50: number
  webhookP99: number
  /** The second run's last lines. */
  report: string[]
}

const root = resolve(import.meta.dir, '../..')
const secret = 'a secret of more than 32 characters'

/** Throws where the sync does not end well, or something that was told is not in the mirror. */
export async function runSync(
  adminUrl: string,
  { events, webhooksPerS = 50 }: { events: number; webhooksPerS?: number },
): Promise<SyncRunFigures> {
  return await withBulkShop(events, (shopUrl) =>
    withDatabase(adminUrl, 'sync', async (databaseUrl) => {
      await migrate(databaseUrl)
      const folder = mkdtempSync(join(tmpdir(), 'onsale-sync-'))
      const sql = openPool(databaseUrl, { name: 'bench', max: 2, statementTimeoutMs: 0 })
      const options = {
        databaseUrl,
        redisUrl: null,
        secret,
        folder,
        processes: { count: 1, ports: 'shared' },
      } as const
      const servers = await startServers(options)
      try {
        const env = { databaseUrl, shopUrl, folder }
        const telling = tellWebhooks(servers.urls[0], { events, perS: webhooksPerS })
        const first = startSync(env)
        const half = Math.floor((events * linesPerEvent) / 2)
        const early = await Promise.race([first.ended, waitForLine(sql, { kind: 'products', line: half })])
        // A small shop may be done before it can be killed.
        if (early && early.code !== 0)
          throw new Error(`The sync ended with ${early.code}: ${early.output.slice(-500)}`)
        process.kill(first.pid, 'SIGKILL')
        const killed = await first.ended
        const killedAtLine = await appliedLine(sql, 'products')
        const second = await startSync(env).ended
        if (second.code !== 0)
          throw new Error(`The sync ended with ${second.code}: ${second.output.slice(-500)}`)
        const told = await telling.stop()
        await expectTold(sql, told.levels)
        const [sums] = await sql<{ lines: number }[]>`
          select sum(p.loaded_lines)::float8 as lines from onsale.sync_parts p`
        const seconds = killed.seconds + second.seconds
        const lines = sums!.lines
        return {
          events,
          tickets: events * ticketsPerEvent,
          lines,
          seconds: Math.round(seconds),
          linesPerS: Math.round(lines / seconds),
          killedAtLine,
          mebibytesMax: Math.max(killed.mebibytesMax, second.mebibytesMax),
          webhooks: told.count,
          webhookP50: told.p50,
          webhookP99: told.p99,
          report: second.output.trim().split('\n').slice(-10),
        }
      } finally {
        await servers.stop()
        await sql.end({ timeout: 1 })
        rmSync(folder, { recursive: true })
      }
    }),
  )
}

/** A product, its tickets, two metafields and an image: limits/bulk_shop.ts. */
const linesPerEvent = 1 + ticketsPerEvent + 3

type Ended = { code: number | null; seconds: number; mebibytesMax: number; output: string }

function startSync({
  databaseUrl,
  shopUrl,
  folder,
}: {
  databaseUrl: string
  shopUrl: string
  folder: string
}): { pid: number; ended: Promise<Ended> } {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'sync'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATABASE_URL: databaseUrl,
      SHOPIFY_API_URL: shopUrl,
      SHOPIFY_ACCESS_TOKEN: bulkToken,
      DATA_DIR: folder,
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const pid = child.pid ?? 0
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece))
  let mebibytesMax = 0
  const look = setInterval(() => {
    mebibytesMax = Math.max(mebibytesMax, peakOf(pid))
  }, 250)
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      clearInterval(look)
      resolve({ code, seconds: (performance.now() - startedAt) / 1_000, mebibytesMax, output })
    })
  })
  return { pid, ended }
}

/** The most that a process ever had in memory; 0 where the system does not tell. */
function peakOf(pid: number): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kibibytes ?? 0) / 1_024)
  } catch {
    return 0
  }
}

async function appliedLine(sql: Sql, kind: string): Promise<number> {
  const [part] = await sql<{ line: number }[]>`
    select p.applied_line::float8 as line from onsale.sync_parts p where p.kind = ${kind}`
  return part?.line ?? 0
}

async function waitForLine(sql: Sql, { kind, line }: { kind: string; line: number }): Promise<void> {
  while ((await appliedLine(sql, kind)) < line) await Bun.sleep(50)
}

/** Levels of items that the sync brings, too, and orders of their tickets, so many a second until it is stopped. */
function tellWebhooks(url: string, { events, perS }: { events: number; perS: number }) {
  const levels = new Map<number, number>()
  const latencies: { p50: number; p99: number }[] = []
  let count = 0
  let isStopping = false
  const telling = tell()

  return {
    stop: async () => {
      isStopping = true
      await telling
      const median = (pick: (one: { p50: number; p99: number }) => number) =>
        latencies.map(pick).toSorted((a, b) => a - b)[latencies.length >> 1] ?? 0
      return {
        levels,
        count,
        p50: median((one) => one.p50),
        p99: Math.max(...latencies.map(({ p99 }) => p99)),
      }
    },
  }

  async function tell(): Promise<void> {
    while (!isStopping) {
      const batch = Array.from({ length: perS }, () => (count++ % 2 === 0 ? levelOf() : orderOf()))
      const { latency_ms, answered } = await deliver(batch, { url, secret, rate: perS })
      if (answered !== batch.length)
        throw new Error(`Only ${answered} of ${batch.length} webhooks were answered`)
      latencies.push(latency_ms)
    }
  }

  function levelOf(): Delivery {
    const item = itemId(1 + Math.floor(Math.random() * events), 1)
    const available = Math.floor(Math.random() * 400)
    levels.set(item, available)
    const body = {
      inventory_item_id: item,
      location_id: locationId,
      available,
      updated_at: new Date().toISOString(),
    }
    return deliveryOf('inventory_levels/update', body)
  }

  function orderOf(): Delivery {
    const nth = 1 + Math.floor(Math.random() * events)
    const at = new Date().toISOString()
    const line = { id: 60_000_000_000 + count, variant_id: variantId(nth, 2), product_id: productId(nth) }
    const units = { quantity: 1, current_quantity: 1 }
    const body = {
      id: 70_000_000_000 + count,
      created_at: at,
      updated_at: at,
      line_items: [{ ...line, ...units }],
    }
    return deliveryOf('orders/create', body)
  }

  function deliveryOf(topic: string, body: object): Delivery {
    return {
      topic,
      headers: {
        'X-Shopify-Topic': topic,
        'X-Shopify-Webhook-Id': crypto.randomUUID(),
        'X-Shopify-Shop-Domain': 'bench.myshopify.com',
        // Of two in the same millisecond the second is the newer one.
        'X-Shopify-Triggered-At': `${new Date().toISOString().slice(0, -1)}${String(count % 1_000_000).padStart(6, '0')}Z`,
      },
      body: JSON.stringify(body),
    }
  }
}

async function expectTold(sql: Sql, levels: ReadonlyMap<number, number>): Promise<void> {
  for (const [item, available] of levels) {
    const [level] = await sql<{ available: number }[]>`
      select l.available from onsale.inventory_levels l where l.inventory_item_id = ${item}`
    if (level?.available !== available)
      throw new Error(
        `Item ${item} has ${level?.available} in the mirror, and its last webhook said ${available}`,
      )
  }
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { events: { type: 'string', default: '2000' } },
  })
  const figures = await runSync(positionals[0] ?? '', { events: Number(values.events) })
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
}
