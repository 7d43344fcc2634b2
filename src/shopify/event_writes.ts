import type { Job } from '../jobs/calls.ts'
import { type JobHandler, Refused } from '../jobs/worker.ts'
import type { Shopify } from './client.ts'
import {
  createEvent,
  deleteEvent,
  deleteMetafields,
  type EventFields,
  type EventIdentifier,
  type FoundEvent,
  findEvent,
  gidOf,
  idOfGid,
  publishEvent,
  updateEvent,
  type WrittenEvent,
} from './documents.ts'
import { ShopifyError } from './error.ts'
import {
  type EventChanges,
  type EventMarks,
  type EventRequest,
  eventChangeOf,
  metafieldNamespace,
  newEventOf,
} from './fields.ts'
import { isUnknown, once } from './once.ts'
import type { Places } from './places.ts'

type Deps = { shopify: Shopify; places: Places; marks: EventMarks; settleMs: number }

type Named = { shopify_product_id: string }

/** What jobs of events do: each makes the product of the shop what its request says. */
export function createEventWrites({ shopify, places, marks, settleMs }: Deps) {
  return {
    create_event: create,
    update_event: update,
    publish_event: publish,
    unpublish_event: unpublish,
    delete_event: remove,
  } satisfies Record<string, JobHandler>

  /** The handle is the job's own, so a product that has it is what an earlier attempt made. */
  async function create(job: Job, { signal }: { signal: AbortSignal }) {
    const { handle, event, currency, location_id: named } = job.request as CreateRequest
    requireMarked(event.category)
    if (event.tickets.length === 0) throw unticketed()
    const isCounted = event.tickets.some(({ capacity }) => capacity !== null)
    const locationId = isCounted ? await places.requireLocation(named) : null
    const input = newEventOf(event, { handle, currency, locationId, marks })
    const identifier = { handle }
    const made = await once<WrittenEvent>(
      { attempt: job.attempt, settleMs },
      {
        look: () => find(identifier, signal),
        ask: async () => {
          const { productSet } = await shopify.call(createEvent, { identifier, input }, { signal })
          return required(productSet.product)
        },
      },
    )
    if (event.status === 'active') await publishOn(made.id, signal)
    return resultOf(made)
  }

  async function update(job: Job, { signal }: { signal: AbortSignal }) {
    const { shopify_product_id: productId, changes } = job.request as Named & { changes: EventChanges }
    requireKnown(changes, changeable)
    requireMarked(changes.category)
    const id = gidOf('Product', productId)
    const { fields, gone } = eventChangeOf(changes, marks)
    const updated = await once<WrittenEvent>(
      { attempt: job.attempt, settleMs },
      {
        look: async () => {
          const found = await requireFound(id, signal)
          return isAs(found, fields, gone) ? found : null
        },
        ask: async () => {
          if (gone.length > 0) {
            const metafields = gone.map((key) => ({ ownerId: id, namespace: metafieldNamespace, key }))
            await shopify.call(deleteMetafields, { metafields }, { signal })
          }
          return await set(id, fields, signal)
        },
      },
    )
    return { ...eventOf(job), ...resultOf(updated) }
  }

  async function publish(job: Job, { signal }: { signal: AbortSignal }) {
    const published = await setStatus(job, 'ACTIVE', signal)
    await publishOn(published.id, signal)
    return { ...eventOf(job), ...resultOf(published) }
  }

  async function unpublish(job: Job, { signal }: { signal: AbortSignal }) {
    return { ...eventOf(job), ...resultOf(await setStatus(job, 'DRAFT', signal)) }
  }

  async function remove(job: Job, { signal }: { signal: AbortSignal }) {
    const { shopify_product_id: productId } = job.request as Named
    const id = gidOf('Product', productId)
    const look = async () => ((await find({ id }, signal)) === null ? {} : null)
    await once(
      { attempt: job.attempt, settleMs },
      {
        look,
        ask: async () => {
          try {
            return await shopify.call(deleteEvent, { id }, { signal })
          } catch (error) {
            // Somebody else deleted it before.
            if (error instanceof ShopifyError && error.kind === 'user_errors' && (await look())) return {}
            throw error
          }
        },
      },
    )
    return { ...eventOf(job), shopify_product_id: productId, is_deleted: true }
  }

  // ---- parts --------------------------------------------------------------------------------------------------

  async function setStatus(job: Job, status: 'ACTIVE' | 'DRAFT', signal: AbortSignal) {
    const id = gidOf('Product', (job.request as Named).shopify_product_id)
    return await once<WrittenEvent>(
      { attempt: job.attempt, settleMs },
      {
        look: async () => {
          const found = await requireFound(id, signal)
          return found.status === status ? found : null
        },
        ask: () => set(id, { status }, signal),
      },
    )
  }

  /** Where it is published already nothing happens, so this may be repeated. */
  async function publishOn(id: string, signal: AbortSignal): Promise<void> {
    const input = await places.publications()
    if (input.length === 0) return
    const ask = () => shopify.call(publishEvent, { id, input }, { signal })
    await ask().catch((error: unknown) => {
      if (!isUnknown(error)) throw error
      return ask()
    })
  }

  async function set(id: string, fields: EventFields, signal: AbortSignal) {
    const { productUpdate } = await shopify.call(updateEvent, { product: { id, ...fields } }, { signal })
    return required(productUpdate.product)
  }

  async function find(identifier: EventIdentifier, signal: AbortSignal): Promise<FoundEvent | null> {
    const { productByIdentifier } = await shopify.call(findEvent, { identifier }, { signal })
    return productByIdentifier
  }

  async function requireFound(id: string, signal: AbortSignal): Promise<FoundEvent> {
    const found = await find({ id }, signal)
    if (found === null) throw new Refused('The event is not in the shop any more')
    return found
  }

  /** The category is the product's type, which may be what makes a product an event. */
  function requireMarked(category: string | null | undefined): void {
    const { eventType } = marks
    if (category === undefined || eventType === null) return
    if (category?.toLowerCase() === eventType.toLowerCase()) return
    const message = `Every event of this shop has the category ${eventType}: it is what makes a product an event`
    throw new Refused(message, { faults: [{ message, field: '/category' }] })
  }
}

type CreateRequest = { handle: string; event: EventRequest; currency: string; location_id: string | null }

const changeable = [
  'title',
  'subtitle',
  'description',
  'category',
  'starts_at',
  'ends_at',
  'venue',
  'per_user_limit',
]

/** Refuses what Shopify's record has no place for, instead of passing it by in silence. */
export function requireKnown(changes: object, known: readonly string[]): void {
  const unknown = Object.keys(changes).filter((key) => !known.includes(key))
  if (unknown.length === 0) return
  const message = 'This is changed in Shopify alone'
  const faults = unknown.map((key) => ({ message, field: `/${key}` }))
  throw new Refused(`${message}: ${unknown.join(', ')}`, { faults })
}

/** The event that a job is about, as its subject says. */
export function eventOf({ subject }: Pick<Job, 'subject'>): { event_id: number | null } {
  const id = /^event (\d+)$/.exec(subject)?.[1]
  return { event_id: id === undefined ? null : Number(id) }
}

/** What Shopify answers where it did what was asked; without it nobody knows. */
export function required<T>(answered: T | null | undefined): T {
  if (answered == null) throw new ShopifyError('unknown_outcome', 'Shopify answered without what it did')
  return answered
}

function resultOf({ id, updatedAt }: { id: string; updatedAt: string }) {
  return { shopify_product_id: idOfGid(id), shopify_updated_at: updatedAt }
}

function unticketed(): Refused {
  const message = 'An event of Shopify has at least one ticket'
  return new Refused(message, { faults: [{ message, field: '/tickets' }] })
}

/** Whether a product is what a change would make it. */
function isAs(found: FoundEvent, fields: EventFields, gone: readonly string[]): boolean {
  const { title, descriptionHtml, productType, metafields = [] } = fields
  const kept = new Map(found.metafields.nodes.map(({ key, type, value }) => [key, normal(type, value)]))
  return (
    (title === undefined || title === found.title) &&
    (descriptionHtml === undefined || descriptionHtml === found.descriptionHtml) &&
    (productType === undefined || productType === found.productType) &&
    metafields.every(({ key, type, value }) => kept.get(key) === normal(type, value)) &&
    gone.every((key) => !kept.has(key))
  )
}

/** A metafield's value as it can be compared: Shopify writes instants and JSON in its own way. */
function normal(type: string, value: string): string {
  if (type === 'date_time')
    return String(Date.parse(/[zZ]$|[+-]\d\d:\d\d$/.test(value) ? value : `${value}Z`))
  if (type !== 'json') return value
  const parsed: unknown = JSON.parse(value)
  const isFlat = typeof parsed === 'object' && parsed !== null
  return JSON.stringify(isFlat ? Object.entries(parsed).toSorted() : parsed)
}
