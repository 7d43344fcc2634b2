import {
  accessLookEveryMs,
  accessRetryMs,
  levelLooksAtOnceMax,
  levelLooksEveryMs,
  looksKeptHours,
  reapEveryMs,
  reapItemsMax,
  subscriptionsClaimEveryMs,
  subscriptionsLookEveryMs,
} from '../limits.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { type RepeatedTask, repeat } from '../platform/repeat.ts'
import type { Shopify } from '../shopify/client.ts'
import { missingScopes } from '../shopify/scopes.ts'
import { findSubscriptions, repairSubscriptions } from '../shopify/subscriptions.ts'
import type { Access } from './access.ts'
import type { WatchCalls } from './calls.ts'

/**
 * What the watch does by itself where the shop can be asked: says which rights are missing, mends subscriptions, and queues looks at
 * levels that are late. Any number of processes may run it side by side.
 */
export function startWatchTasks(deps: {
  shopify: Shopify
  access: Access
  calls: WatchCalls
  log: Log
  metrics: Metrics
  /** How often this process asks whether the subscriptions are due. */
  claimEveryMs?: number
}): RepeatedTask {
  const { shopify, access, calls, log, metrics, claimEveryMs = subscriptionsClaimEveryMs } = deps
  let scopesTold = ''
  let scopesDueAt = 0
  // A shop that is away is asked again by the task, which tells it then.
  const atStart = tellScopes().catch(() => {})
  const tasks = [
    repeat(tellScopes, { everyMs: accessRetryMs, name: 'ask which rights the app has', log }),
    repeat(watchSubscriptions, {
      everyMs: claimEveryMs,
      name: 'look at the webhook subscriptions',
      log,
    }),
    repeat(placeLooks, { everyMs: levelLooksEveryMs, name: 'look for late levels', log }),
    repeat(reap, { everyMs: reapEveryMs, name: 'forget old looks', log }),
  ]
  return {
    stop: async () => {
      await Promise.all([atStart, ...tasks.map((task) => task.stop())])
    },
  }

  /** Never stops the service: what is mirrored can be read without any right. */
  async function tellScopes(): Promise<void> {
    if (performance.now() < scopesDueAt) return
    const granted = await access.readScopes()
    scopesDueAt = performance.now() + accessLookEveryMs
    const missing = missingScopes(granted)
    const told = JSON.stringify(missing)
    if (told === scopesTold) return
    scopesTold = told
    if (missing.length === 0) {
      log.info({ shop: await access.shopDomain() }, 'The app has every right it needs in the shop')
      return
    }
    const sentences = missing.map(({ scope, without }) => `without ${scope} ${without}`)
    log.warn(
      { missing: missing.map(({ scope }) => scope) },
      `The app lacks rights in the shop: ${sentences.join('; ')}`,
    )
  }

  async function watchSubscriptions(): Promise<void> {
    const { isClaimed, url, faultCount } = await calls.claimSubscriptionWatch(subscriptionsLookEveryMs)
    if (!isClaimed || url === null) {
      if (faultCount !== null) metrics.subscriptionFaults.set(faultCount)
      return
    }
    const wanted = { url, formerUrl: null, version: null }
    const findings = await findSubscriptions(shopify, wanted)
    const { mended, refused } = await repairSubscriptions(shopify, findings, wanted)
    await calls.completeSubscriptionWatch(mended + refused.length)
    metrics.subscriptionFaults.set(mended + refused.length)
    metrics.subscriptionsMended.inc(mended)
    if (refused.length > 0) log.warn({ refused, url }, 'Shopify refuses webhook subscriptions')
    if (mended === 0) return
    const faults = findings.flatMap(({ topic, state, faults }) =>
      state === 'right' || state === 'other' || refused.some((one) => one.topic === topic)
        ? []
        : [[topic, state, ...faults].join(' ')],
    )
    log.warn({ faults, url }, 'Webhook subscriptions were missing or wrong, and are mended')
  }

  async function placeLooks(): Promise<void> {
    const count = await calls.placeLevelLooks(levelLooksAtOnceMax)
    if (count > 0) log.info({ count }, 'Levels are late: the shop is asked')
  }

  async function reap(isStopping: () => boolean): Promise<void> {
    const bounds = { keptHours: looksKeptHours, limit: reapItemsMax }
    while (!isStopping() && (await calls.reapLooks(bounds)) === reapItemsMax);
  }
}
