import { readFileSync } from 'node:fs'
import type { CommandDeps, Databases } from '../commands.ts'
import type { Config } from '../config.ts'
import { sqlState } from '../errors.ts'
import { createIntakeCalls } from '../intake/calls.ts'
import { syncPoolSize } from '../limits.ts'
import { openPool } from '../platform/database.ts'
import { Refusal } from '../platform/refusal.ts'
import { FileBroken } from './bulk_file.ts'
import type { SyncPart, SyncReport } from './calls.ts'
import { ShopifyError } from './error.ts'
import { openShopify } from './shopify.ts'
import { readSoldBefore } from './sold_before.ts'
import { syncShop } from './sync.ts'
import { showProgress } from './sync_progress.ts'

/** `sync`: the whole shop into the mirror. Ends with 1 where both do not have the same afterwards. */
export async function syncMirror(
  { sql, log, metrics, print }: CommandDeps,
  { databaseAdminUrl }: Databases,
  {
    config,
    ordersDays,
    soldBeforeFile,
    signal,
  }: { config: Config; ordersDays: number; soldBeforeFile: string | null; signal: AbortSignal },
): Promise<number> {
  const shopify = openShopify(config, { log, metrics, processes: 1 })
  if (shopify === null) {
    throw new Refusal(
      'There is no shop to read from: set SHOPIFY_SHOPS or SHOPIFY_API_URL, and SHOPIFY_ACCESS_TOKEN or SHOPIFY_CLIENT_ID',
    )
  }
  const soldBefore = soldBeforeFile === null ? [] : readSoldBefore(readText(soldBeforeFile))
  const intake = createIntakeCalls(sql, metrics)
  const owner = openPool(databaseAdminUrl, { name: 'sync', max: syncPoolSize, statementTimeoutMs: 0 })
  const progress = showProgress({ print, hasBar: process.stdout.isTTY })
  const startedAt = performance.now()
  try {
    // The service may never have run: what is an event, and in which currency, is said by the environment.
    await intake.updateSettings(config)
    const { run, report, soldBeforeKnown } = await syncShop({
      shopify,
      sql: owner,
      metrics,
      currency: config.shopifyCurrency,
      ordersDays,
      soldBefore,
      signal,
      countDrift: async () => (await intake.verify()).length,
      onProgress: progress.show,
      onStart: ({ id, shop, started_at, orders_since }, { isResumed, sees }) => {
        print(`${isResumed ? 'Going on with' : 'Beginning'} run ${id} of ${shop}, as of ${started_at}`)
        print(`Orders since ${orders_since.slice(0, 10)}; the access token sees ${sees}`)
        const units = soldBefore.reduce((sum, figure) => sum + figure.units, 0)
        if (soldBefore.length > 0)
          print(`Sold before, as you say: ${units} units of ${soldBefore.length} tickets`)
      },
    })
    progress.stop()
    const unknown = soldBefore.length - soldBeforeKnown
    if (unknown > 0)
      print(`${unknown} figures of what was sold before are of no ticket here: they count when it comes`)
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
    return tellReport(report, { parts: run.parts, seconds, print })
  } catch (error) {
    progress.stop()
    if (signal.aborted) throw new Refusal('Stopped: `sync` goes on where it was', { cause: error })
    // The currency would change under stored prices.
    if (error instanceof Error && sqlState(error) === 'OS001')
      throw new Refusal(error.message, { cause: error })
    if (error instanceof ShopifyError || error instanceof FileBroken)
      throw new Refusal(`${error.message}: \`sync\` goes on where it was`, { cause: error })
    throw error
  } finally {
    await owner.end({ timeout: 1 })
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Refusal(`Cannot read what was sold before: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** Answers the exit code. */
function tellReport(
  { counts, drift }: SyncReport,
  { parts, seconds, print }: { parts: readonly SyncPart[]; seconds: string; print: CommandDeps['print'] },
): number {
  for (const { kind, read_count, news_count, fault_count, faults } of parts) {
    print(`${kind}: ${read_count} facts, ${news_count} of them news, ${fault_count} not usable`)
    for (const { line, reason } of faults.slice(0, faultsShown)) print(`  line ${line}: ${reason}`)
  }
  for (const { kind, there, here, missing, surplus } of counts)
    print(`${kind}s: ${there} in the shop, ${here} here, ${missing} missing, ${surplus} only here`)
  print(
    drift === 0 ? 'Every counter equals its facts' : `${drift} values differ from the facts: run \`verify\``,
  )
  const missing = counts.reduce((sum, count) => sum + count.missing, 0)
  const unusable = parts.reduce((sum, part) => sum + part.fault_count, 0)
  const isWhole = missing + unusable + drift === 0
  print(`${isWhole ? 'Complete' : 'Not complete'}, in ${seconds} s`)
  return isWhole ? 0 : 1
}

// As many as a person reads; the others are kept with the run.
const faultsShown = 5
