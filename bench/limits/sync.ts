// `sync` against PostgreSQL's COPY of the rows that it makes: what is the price of reading a shop, of staging it, and of applying it
// under the guards of webhooks while visitors are served.
//
//   bun bench/limits/sync.ts <adminUrl> [--events N] [--bare]     prints the comparison as JSON
//
// COPY has the rows in memory, in the order of their keys, and writes each of them once. A sync fetches files, reads lines, stages
// them, makes the rows by the guards of webhooks, tells every process what changed, and holds both sides against each other at the
// end. COPY goes into the tables as they are while the service runs: with foreign keys and triggers, on one connection. `--bare`
// holds a sync against what loads an empty database fastest (limits/copy.ts): no trigger, a connection for each core.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seedCalls } from '../../src/catalog/calls.ts'
import { syncPoolSize } from '../../src/limits.ts'
import { openPool } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify } from '../../src/shopify/client.ts'
import { syncShop } from '../../src/shopify/sync.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import { startPeer } from '../runner/limits.ts'
import { bulkToken } from './bulk_shop.ts'
import { compareLoadWithCopy } from './copy.ts'

export type SyncComparison = {
  events: number
  rows: number
  syncRowsPerS: number
  copyRowsPerS: number
  ratio: number
  ratios: number[]
}

/** Brings `events` events into empty databases by `sync` and by COPY, in turns. */
export async function compareSyncWithCopy(
  adminUrl: string,
  { events, rounds, isBare = false }: { events: number; rounds: number; isBare?: boolean },
): Promise<SyncComparison> {
  return await withBulkShop(events, async (shopUrl) => {
    const { oursRowsPerS, ...compared } = await compareLoadWithCopy(adminUrl, {
      load: (url) => syncAll(url, shopUrl),
      rounds,
      keepsTriggers: !isBare,
    })
    return { events, syncRowsPerS: oursRowsPerS, ...compared }
  })
}

/** Runs the shop of bulk_shop.ts beside us. */
export async function withBulkShop<T>(events: number, use: (shopUrl: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'onsale-bulk-'))
  try {
    const shop = await startPeer('bulk_shop', [folder, String(events)])
    try {
      return await use(`${shop.url}/admin/api/2026-10/graphql.json`)
    } finally {
      shop.stop()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function syncAll(databaseUrl: string, shopUrl: string): Promise<void> {
  const metrics = createMetrics()
  const log = createLog({ level: 'silent' })
  const sql = openPool(databaseUrl, { name: 'sync', max: syncPoolSize, statementTimeoutMs: 0 })
  try {
    const { report } = await syncShop({
      shopify: createShopify({ url: shopUrl, tokens: fixedToken(bulkToken), log, metrics }),
      sql,
      metrics,
      currency: 'EUR',
      signal: new AbortController().signal,
      // Whoever compares verifies afterwards.
      countDrift: async () => 0,
    })
    const missing = report.counts.reduce((sum, count) => sum + count.missing, 0)
    if (missing > 0) throw new Error(`${missing} records are missing after a sync`)
    await seedCalls.completeSeed(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { events: { type: 'string', default: '10000' }, bare: { type: 'boolean', default: false } },
  })
  const comparison = await compareSyncWithCopy(positionals[0] ?? '', {
    events: Number(values.events),
    rounds: 1,
    isBare: values.bare,
  })
  process.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`)
}
