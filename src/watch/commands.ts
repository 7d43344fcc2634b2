import type { CommandDeps } from '../commands.ts'
import { Refusal } from '../platform/refusal.ts'
import type { Shopify } from '../shopify/client.ts'
import {
  type Finding,
  findSubscriptions,
  removeSubscriptions,
  repairSubscriptions,
  requireWebhookUrl,
  type Wanted,
} from '../shopify/subscriptions.ts'
import { createWatchCalls } from './calls.ts'

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
  await repairSubscriptions(options.shopify, findings, wanted)
  await createWatchCalls(deps.sql, deps.metrics).updateSubscriptionWatch(wanted.url)
  const left = (await findSubscriptions(options.shopify, wanted)).filter(isFault)
  for (const finding of left) deps.print(`still ${lineOf(finding)}`)
  const mended = findings.filter(isFault).length
  deps.print(
    `${mended === 0 ? 'Nothing was to be done' : `${mended} made or mended`}: webhooks go to ${wanted.url}`,
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
