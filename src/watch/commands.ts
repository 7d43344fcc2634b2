import type { CommandDeps, Databases } from '../commands.ts'
import type { Config } from '../config.ts'
import { createIntake } from '../intake/intake.ts'
import { differencesShownMax, syncPoolSize } from '../limits.ts'
import { openPool } from '../platform/database.ts'
import { Refusal } from '../platform/refusal.ts'
import type { Shopify } from '../shopify/client.ts'
import { requireShopify } from '../shopify/shopify.ts'
import {
  type Finding,
  findSubscriptions,
  removeSubscriptions,
  repairSubscriptions,
  requireWebhookUrl,
  type Wanted,
} from '../shopify/subscriptions.ts'
import { showProgress } from '../shopify/sync_progress.ts'
import { createWatchCalls, type ReconciliationCard } from './calls.ts'
import { type ReconcileProgress, reconcile } from './reconcile.ts'

type Options = {
  shopify: Shopify
  /** Of the Admin API. */
  version: string
  /** Where webhooks are to come: what the command line says, else null. */
  url: string | null
  /** Where the service is reached, or null. */
  publicUrl: string | null
}

/** `webhooks register`: makes and mends what is to be there, and has it watched from then on. Answers the exit code. */
export async function registerWebhooks(deps: CommandDeps, options: Options): Promise<number> {
  const wanted = await wantedOf(deps, options)
  const findings = await findSubscriptions(options.shopify, wanted)
  for (const finding of findings) if (isFault(finding)) deps.print(lineOf(finding))
  const { mended, refused } = await repairSubscriptions(options.shopify, findings, wanted)
  for (const { topic, reason } of refused) deps.print(`refused  ${topic}: ${reason}`)
  await createWatchCalls(deps.sql, deps.metrics).updateSubscriptionWatch(wanted.url)
  const left = (await findSubscriptions(options.shopify, wanted)).filter(isFault)
  for (const finding of left) deps.print(`still ${lineOf(finding)}`)
  deps.print(
    `${mended + refused.length === 0 ? 'Nothing was to be done' : `${mended} made or mended`}: webhooks go to ${wanted.url}`,
  )
  return left.length === 0 ? 0 : 1
}

/** `webhooks list`: a line for each topic that is wanted and each subscription that is there. */
export async function listWebhooks(deps: CommandDeps, options: Options): Promise<number> {
  const wanted = await wantedOf(deps, options)
  for (const finding of await findSubscriptions(options.shopify, wanted)) deps.print(lineOf(finding))
  return 0
}

/** `webhooks check`: tells what is missing or wrong, and ends with 1 where something is. */
export async function checkWebhooks(deps: CommandDeps, options: Options): Promise<number> {
  const wanted = await wantedOf(deps, options)
  const faults = (await findSubscriptions(options.shopify, wanted)).filter(isFault)
  for (const finding of faults) deps.print(lineOf(finding))
  const verdict =
    faults.length === 0 ? 'Every webhook is subscribed to' : `${faults.length} to be mended by register`
  deps.print(`${verdict}: ${wanted.url}`)
  return faults.length === 0 ? 0 : 1
}

/** `webhooks remove`: ends our subscriptions, and their watch with them. */
export async function removeWebhooks(deps: CommandDeps, options: Options): Promise<number> {
  const wanted = await wantedOf(deps, options)
  // First, so that no process brings them back.
  await createWatchCalls(deps.sql, deps.metrics).updateSubscriptionWatch(null)
  const removed = await removeSubscriptions(options.shopify, await findSubscriptions(options.shopify, wanted))
  deps.print(`${removed} subscriptions to ${wanted.url} are removed`)
  return 0
}

/**
 * `reconcile`: what the mirror has otherwise than the shop, and why, a line each, after it was repaired. Answers the exit code: 1 where
 * something is left that no webhook will bring.
 */
export async function reconcileMirror(
  deps: CommandDeps,
  { databaseAdminUrl }: Databases,
  options: { config: Config; isDryRun: boolean; repairsMax: number; graceS: number; signal: AbortSignal },
): Promise<number> {
  const { sql, log, metrics, print } = deps
  const { config, ...limits } = options
  const { shopify } = requireShopify(config, deps)
  const { submit } = createIntake({ sql, log, metrics })
  const owner = openPool(databaseAdminUrl, { name: 'reconcile', max: syncPoolSize, statementTimeoutMs: 0 })
  const progress = showSteps(print)
  try {
    const card = await reconcile(
      { shopify, sql: owner, submit, metrics },
      { ...limits, actor: 'command', currency: config.shopifyCurrency, onProgress: progress.show },
    )
    progress.stop()
    await printDifferences(deps)
    return printVerdict(card, print)
  } catch (error) {
    progress.stop()
    if (options.signal.aborted)
      throw new Refusal('Stopped: `reconcile` begins anew with its snapshot', { cause: error })
    throw error
  } finally {
    await owner.end({ timeout: 1 })
  }
}

function showSteps(print: (line: string) => void) {
  const snapshot = showProgress({ print, hasBar: process.stdout.isTTY })
  let step = ''
  return {
    stop: snapshot.stop,
    show(progress: ReconcileProgress): void {
      if (progress.step === 'waiting' || progress.step === 'loading') snapshot.show(progress)
      if (progress.step === step) return
      step = progress.step
      snapshot.stop()
      if (progress.step === 'comparing') print('Comparing')
      if (progress.step === 'repairing') print('Repairing')
      if (progress.step === 'pausing') {
        const s = Math.ceil(progress.ms / 1000)
        print(`${progress.count} records are not in the shop: their webhooks have ${s} s left to come`)
      }
    },
  }
}

async function printDifferences({ sql, metrics, print }: CommandDeps): Promise<void> {
  const options = { limit: 1, differencesMax: differencesShownMax }
  const listed = JSON.parse(await createWatchCalls(sql, metrics).listReconciliations(options)) as {
    differences: {
      kind: string
      key: string
      cause: string
      outcome: string | null
      there: unknown
      here: unknown
    }[]
  }
  for (const { kind, key, cause, outcome, there, here } of listed.differences) {
    print(`${kind} ${key}: ${cause}, ${outcome ?? 'left alone'}`)
    print(`  there ${JSON.stringify(there)}`)
    print(`  here  ${JSON.stringify(here)}`)
  }
}

/** Answers the exit code. */
function printVerdict({ compared, counts }: ReconciliationCard, print: (line: string) => void): number {
  for (const { kind, cause, count, repaired } of counts)
    print(`${count} ${kind}s ${cause}, ${repaired} repaired`)
  const open = counts
    .filter(({ cause }) => cause === 'lost' || cause === 'theirs')
    .reduce((sum, { count, repaired }) => sum + count - repaired, 0)
  const found = counts.reduce((sum, { count }) => sum + count, 0)
  print(
    `${compared} products, items and orders compared, ${found} records differ, ${open} are left to be repaired`,
  )
  return open === 0 ? 0 : 1
}

/** Where nothing else is said, it is where they were registered before, else our own address. */
async function wantedOf(
  { sql, metrics }: CommandDeps,
  { url, publicUrl, version }: Options,
): Promise<Wanted> {
  const formerUrl = await createWatchCalls(sql, metrics).getSubscriptionUrl()
  const own = publicUrl === null ? null : `${publicUrl}/webhooks/shopify`
  const chosen = url ?? formerUrl ?? own
  if (chosen === null) throw new Refusal('Say where webhooks are to come: --url, or PUBLIC_URL')
  return { url: requireWebhookUrl(chosen), formerUrl, version }
}

function isFault({ state }: Finding): boolean {
  return state !== 'right' && state !== 'other'
}

function lineOf({ topic, state, faults, subscription }: Finding): string {
  const where = subscription === null ? '' : `  ${subscription.uri} (${subscription.apiVersion.handle})`
  return `${state.padEnd(7)}  ${topic}${where}${faults.length === 0 ? '' : `: ${faults.join(', ')}`}`
}
