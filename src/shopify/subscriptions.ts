import { knownTopics } from '../intake/model.ts'
import { Refusal } from '../platform/refusal.ts'
import type { Shopify } from './client.ts'
import {
  createSubscription,
  deleteSubscription,
  listSubscriptions,
  type ReadSubscription,
  updateSubscription,
} from './documents.ts'
import { ShopifyError } from './error.ts'

// Which webhooks the shop should send us, against those it sends. Shopify deletes a subscription whose webhooks fail for four
// hours, so what is there is looked at again and again.

/** What is wanted of every subscription. */
export type Wanted = {
  /** Where webhooks are to come. */
  url: string
  /** Where this deployment had them sent before: what still goes there is ours too. */
  formerUrl: string | null
  /** Of the Admin API: bodies come in it. Null: whatever it is, because the app's configuration may decide it. */
  version: string | null
}

/**
 * What is to be said of one topic or one subscription.
 * - `right`: it is there as it should be
 * - `missing`: nobody has the topic sent to us
 * - `wrong`: it is there, but not as it should be: `faults` say why
 * - `doubled`: another one of ours has the same topic, so that each webhook would come twice
 * - `other`: somebody else's, and left alone
 */
export type Finding = {
  topic: string
  state: 'right' | 'missing' | 'wrong' | 'doubled' | 'other'
  faults: string[]
  subscription: ReadSubscription | null
}

/** Everything the intake reads or asks back about; what the app's configuration alone can subscribe to is left out. */
export const wantedTopics: readonly string[] = [...knownTopics].filter(
  (topic) => !/^(customers|shop|bulk_operations)\//.test(topic),
)

const namespace = 'onsale'

/** Where webhooks are to come; throws a Refusal where Shopify would not send any there. */
export function requireWebhookUrl(text: string): string {
  const { protocol, hostname } = URL.canParse(text) ? new URL(text) : { protocol: '', hostname: '' }
  const isHere = hostname === '127.0.0.1' || hostname === 'localhost'
  if (protocol === 'https:' || (protocol === 'http:' && isHere)) return text
  throw new Refusal(`Webhooks need an address like https://tickets.example/webhooks/shopify, not "${text}"`)
}

/** Reads the subscriptions of the app in this shop and says what is wrong with them. */
export async function findSubscriptions(shopify: Shopify, wanted: Wanted): Promise<Finding[]> {
  return judgeSubscriptions(await readSubscriptions(shopify), wanted)
}

/** One finding for each wanted topic, then what else is there. */
export function judgeSubscriptions(there: readonly ReadSubscription[], wanted: Wanted): Finding[] {
  const ours = there.filter(({ uri }) => isOurs(uri, wanted))
  const found = wantedTopics.flatMap((topic) => findTopic(topic, ours, wanted))
  const named = new Set(found.map(({ subscription }) => subscription))
  const others = there.filter((one) => !named.has(one))
  return [...found, ...others.map((one) => findingOf(topicOf(one), 'other', one))]
}

function findTopic(topic: string, ours: readonly ReadSubscription[], wanted: Wanted): Finding[] {
  const named = ours
    .filter((one) => topicOf(one) === topic)
    .map((one) => ({ one, faults: faultsOf(one, wanted) }))
    // The best one stays: only one of them may have the right address.
    .toSorted((a, b) => rankOf(a.one, wanted) - rankOf(b.one, wanted) || a.faults.length - b.faults.length)
  const [best, ...doubled] = named
  if (best === undefined) return [findingOf(topic, 'missing', null)]
  return [
    {
      topic,
      state: best.faults.length === 0 ? 'right' : 'wrong',
      faults: best.faults,
      subscription: best.one,
    },
    ...doubled.map(({ one }) => findingOf(topic, 'doubled', one)),
  ]
}

function rankOf({ uri }: ReadSubscription, { url }: Wanted): number {
  return uri === url ? 0 : 1
}

function findingOf(topic: string, state: Finding['state'], subscription: ReadSubscription | null): Finding {
  return { topic, state, faults: [], subscription }
}

/**
 * Makes what is missing and mends what is wrong, one after the other; findings of others are passed over. What Shopify refuses (a
 * topic of which the app may read nothing) does not keep the rest from being mended.
 */
export async function repairSubscriptions(
  shopify: Shopify,
  findings: readonly Finding[],
  wanted: Wanted,
): Promise<{ mended: number; refused: { topic: string; reason: string }[] }> {
  const broken = findings.filter(({ state }) => state !== 'right' && state !== 'other')
  // What is doubled goes first: it may have the address that another one is to get.
  const doubled = broken.filter(({ state }) => state === 'doubled')
  const refused: { topic: string; reason: string }[] = []
  for (const finding of [...doubled, ...broken.filter(({ state }) => state !== 'doubled')]) {
    try {
      await repair(shopify, finding, wanted)
    } catch (error) {
      if (!isRefusal(error)) throw error
      refused.push({ topic: finding.topic, reason: reasonOf(error) })
    }
  }
  return { mended: broken.length - refused.length, refused }
}

function isRefusal(error: unknown): error is ShopifyError {
  return error instanceof ShopifyError && (error.kind === 'user_errors' || error.kind === 'refused')
}

function reasonOf({ message, faults }: ShopifyError): string {
  return faults.length === 0 ? message : faults.map((fault) => fault.message).join('; ')
}

/** Ends what is ours, whether right or wrong. */
export async function removeSubscriptions(shopify: Shopify, findings: readonly Finding[]): Promise<number> {
  const ours = findings.flatMap(({ state, subscription }) =>
    state === 'other' || subscription === null ? [] : [subscription],
  )
  for (const { id } of ours) await shopify.call(deleteSubscription, { id })
  return ours.length
}

async function repair(
  shopify: Shopify,
  { topic, state, subscription }: Finding,
  wanted: Wanted,
): Promise<void> {
  const namespaces = subscription?.metafieldNamespaces ?? []
  const fields = {
    uri: wanted.url,
    format: 'JSON' as const,
    metafieldNamespaces: namespaces.includes(namespace) ? namespaces : [...namespaces, namespace],
  }
  if (subscription === null) return await create()
  if (state !== 'doubled' && !isReplaced(subscription, wanted)) {
    await shopify.call(updateSubscription, { id: subscription.id, fields })
    return
  }
  await shopify.call(deleteSubscription, { id: subscription.id })
  if (state !== 'doubled') await create()

  async function create(): Promise<void> {
    await shopify.call(createSubscription, { topic: topic.toUpperCase().replace('/', '_'), fields })
  }
}

/** What cannot be changed in place: the version is that of the call which made it, and a filter is not known to be taken back. */
function isReplaced({ apiVersion, includeFields, filter }: ReadSubscription, { version }: Wanted): boolean {
  return isOtherVersion(apiVersion, version) || includeFields.length > 0 || Boolean(filter)
}

function faultsOf(one: ReadSubscription, { url, version }: Wanted): string[] {
  const faults: [boolean, string][] = [
    [one.uri !== url, `goes to ${one.uri}`],
    [one.format !== 'JSON', `comes as ${one.format}`],
    [!one.metafieldNamespaces.includes(namespace), `comes without the metafields of ${namespace}`],
    [one.includeFields.length > 0, `comes with ${one.includeFields.join(', ')} alone`],
    [Boolean(one.filter), `is filtered by ${one.filter}`],
    [isOtherVersion(one.apiVersion, version), `is of API version ${one.apiVersion.handle}`],
  ]
  return faults.flatMap(([isFault, sentence]) => (isFault ? [sentence] : []))
}

function isOtherVersion({ handle }: ReadSubscription['apiVersion'], version: string | null): boolean {
  return version !== null && handle !== version
}

/** To the same door, be it by a path of its own topic, or to the one that was ours before. */
function isOurs(uri: string, { url, formerUrl }: Wanted): boolean {
  return [url, formerUrl].some((known) => known !== null && (uri === known || uri.startsWith(doorOf(known))))
}

/** Another address than ours has no door: nothing but itself is known of it. */
function doorOf(url: string): string {
  const path = '/webhooks/shopify'
  return url.endsWith(path) ? url.slice(0, -'shopify'.length) : `${url}#`
}

function topicOf({ topic }: ReadSubscription): string {
  return wantedTopics.find((wanted) => wanted.toUpperCase().replace('/', '_') === topic) ?? topic
}

async function readSubscriptions(shopify: Shopify): Promise<ReadSubscription[]> {
  const found: ReadSubscription[] = []
  for (let after: string | null = null; ; ) {
    const { webhookSubscriptions: page }: { webhookSubscriptions: SubscriptionPage } = await shopify.call(
      listSubscriptions,
      { after },
      { isLook: true },
    )
    found.push(...page.nodes)
    after = page.pageInfo.endCursor
    if (!page.pageInfo.hasNextPage) return found
  }
}

type SubscriptionPage = {
  nodes: ReadSubscription[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
}
