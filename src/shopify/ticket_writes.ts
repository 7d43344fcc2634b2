import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { createJobCalls, Job } from '../jobs/calls.ts'
import { type JobHandler, Refused } from '../jobs/worker.ts'
import { capacityLookEveryMs, capacityQuietMsMax, shopifyKeysMax } from '../limits.ts'
import type { Shopify } from './client.ts'
import {
  activateInventory,
  adjustInventory,
  createTickets,
  deleteTickets,
  type FoundTicket,
  findEvent,
  findTicket,
  gidOf,
  idOfGid,
  listTickets,
  type NewTicket,
  type TicketChange,
  updateTickets,
} from './documents.ts'
import { ShopifyError } from './error.ts'
import { eventOf, required, requireKnown } from './event_writes.ts'
import { newTicketOf, type TicketChanges, type TicketRequest, ticketChangeOf } from './fields.ts'
import { once } from './once.ts'
import type { Places } from './places.ts'

type Deps = {
  shopify: Shopify
  places: Places
  calls: Pick<ReturnType<typeof createJobCalls>, 'updateCapacitySeen' | 'updateCapacityDelta'>
  settleMs: number
}

type Named = { shopify_product_id: string; shopify_variant_id: string }

/** What jobs of tickets do: each makes a variant of an event's product, or its stock, what its request says. */
export function createTicketWrites({ shopify, places, calls, settleMs }: Deps) {
  return {
    create_ticket: ofOneTicket(create),
    update_ticket: ofOneTicket(update),
    delete_ticket: ofOneTicket(remove),
    update_capacity: ofOneTicket(updateCapacity),
  } satisfies Record<string, JobHandler>

  /** A name stands for one ticket of an event, so one that is as it was to be made is what an earlier attempt made. */
  async function create(job: Job, { signal }: { signal: AbortSignal }) {
    const {
      shopify_product_id: productId,
      ticket,
      currency,
      location_id: named,
    } = job.request as CreateRequest
    const id = gidOf('Product', productId)
    const locationId = ticket.capacity === null ? null : await places.requireLocation(named)
    const optionName = await optionOf(id, signal)
    const variant = newTicketOf(ticket, { currency, locationId, optionName })
    const made = await once(
      { attempt: job.attempt, settleMs },
      {
        look: () => findMade(id, variant, signal),
        ask: () =>
          add(id, variant, signal).catch(async (error: unknown) => {
            // The name is taken: by an earlier attempt, if that came to its end after it was looked for.
            const isTaken = error instanceof ShopifyError && error.kind === 'user_errors' && job.attempt > 1
            const made = isTaken ? await findMade(id, variant, signal) : null
            if (made === null) throw error
            return made
          }),
      },
    )
    return {
      ...eventOf(job),
      shopify_product_id: productId,
      shopify_variant_id: idOfGid(made.id),
      shopify_updated_at: made.updatedAt,
    }
  }

  async function update(job: Job, { signal }: { signal: AbortSignal }) {
    const request = job.request as Named & { changes: TicketChanges; currency: string }
    const { shopify_product_id: productId, shopify_variant_id: variantId, changes, currency } = request
    requireKnown(changes, changeable)
    const product = gidOf('Product', productId)
    const id = gidOf('ProductVariant', variantId)
    const optionName = changes.name === undefined ? '' : await optionOf(product, signal)
    const change = ticketChangeOf(changes, { id, currency, optionName })
    const updated = await once(
      { attempt: job.attempt, settleMs },
      {
        look: async () => {
          const found = await requireTicket(id, signal)
          return isAs(found, change) ? found : null
        },
        ask: () => set(product, change, signal),
      },
    )
    return { ...eventOf(job), ...namesOf(job), shopify_updated_at: updated.updatedAt }
  }

  async function remove(job: Job, { signal }: { signal: AbortSignal }) {
    const { shopify_product_id: productId, shopify_variant_id: variantId } = job.request as Named
    const id = gidOf('ProductVariant', variantId)
    const look = async () => ((await findOne(id, signal)) === null ? { updatedAt: null } : null)
    const { updatedAt } = await once<{ updatedAt: string | null }>(
      { attempt: job.attempt, settleMs },
      {
        look,
        ask: async () => {
          try {
            const variables = { productId: gidOf('Product', productId), variantsIds: [id] }
            const { productVariantsBulkDelete } = await shopify.call(deleteTickets, variables, { signal })
            return required(productVariantsBulkDelete.product)
          } catch (error) {
            // Somebody else deleted it before.
            const isRefused = error instanceof ShopifyError && error.kind === 'user_errors'
            const gone = isRefused ? await look() : null
            if (gone !== null) return gone
            throw error
          }
        },
      },
    )
    return { ...eventOf(job), ...namesOf(job), shopify_updated_at: updatedAt, is_deleted: true }
  }

  /**
   * By a difference, so that what is sold at the same moment is not lost: it is stored before the first call, and asked for under
   * the same key each time.
   */
  async function updateCapacity(job: Job, { signal }: { signal: AbortSignal }) {
    const request = job.request as CapacityRequest
    const { shopify_product_id: productId, shopify_variant_id: variantId, capacity } = request
    const product = gidOf('Product', productId)
    const ticket = await requireTicket(gidOf('ProductVariant', variantId), signal)
    const isCounted = capacity !== null
    const counted =
      ticket.inventoryItem.tracked === isCounted
        ? null
        : await track({ product, id: ticket.id, isCounted }, signal)
    const names = { ...eventOf(job), ...namesOf(job) }
    if (!isCounted) return { ...names, delta: null, shopify_updated_at: counted?.updatedAt ?? null }

    await waitForQuiet(job, signal)
    const delta = await calls.updateCapacityDelta(job)
    if (delta === null) throw forgotten()
    if (delta === 0) return { ...names, delta, shopify_updated_at: counted?.updatedAt ?? null }
    const locationId = await places.requireLocation(request.location_id)
    const itemId = ticket.inventoryItem.id
    const changedAt = await adjust(job, { itemId, locationId, delta }, signal)
    return { ...names, delta, location_id: idOfGid(locationId), shopify_updated_at: changedAt }
  }

  /** While tickets sell nobody can tell to the unit how many there are, so a pause between two sales is waited for. */
  async function waitForQuiet(job: Job, signal: AbortSignal): Promise<void> {
    const until = performance.now() + capacityQuietMsMax
    while (!(await calls.updateCapacitySeen(job)) && performance.now() < until) {
      await setTimeout(capacityLookEveryMs, undefined, { signal })
    }
  }

  // ---- parts --------------------------------------------------------------------------------------------------

  async function track(
    { product, id, isCounted }: { product: string; id: string; isCounted: boolean },
    signal: AbortSignal,
  ): Promise<{ updatedAt: string }> {
    return await once<{ updatedAt: string }>(
      // It was looked for just now.
      { attempt: 1, settleMs },
      {
        look: async () => {
          const found = await requireTicket(id, signal)
          return found.inventoryItem.tracked === isCounted ? found : null
        },
        ask: () => set(product, { id, inventoryItem: { tracked: isCounted } }, signal),
      },
    )
  }

  /**
   * Adds the units; where the location did not stock the ticket, it does from now on. A key under which Shopify refused before is
   * used up: the next one of the same row is taken, by every attempt in the same order, so that the one that was done is met again.
   */
  async function adjust(
    job: Job,
    { itemId, locationId, delta }: { itemId: string; locationId: string; delta: number },
    signal: AbortSignal,
  ): Promise<string> {
    const changes = [{ inventoryItemId: itemId, locationId, delta, changeFromQuantity: null }]
    const input = { name: 'available' as const, reason: 'correction', changes }
    let isStocked = false
    for (let nth = 0; ; nth++) {
      const idempotencyKey = nth === 0 ? job.idempotencyKey : keyOf(job.idempotencyKey, String(nth))
      try {
        const { inventoryAdjustQuantities } = await shopify.call(
          adjustInventory,
          { input },
          { signal, idempotencyKey },
        )
        return required(inventoryAdjustQuantities.inventoryAdjustmentGroup).createdAt
      } catch (error) {
        if (nth === shopifyKeysMax) throw error
        if (isOf(error, 'IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED')) continue
        if (isStocked || !unstocked.some((code) => isOf(error, code))) throw error
        // Without units: were its answer lost, nobody could tell whether they are counted in.
        const variables = { inventoryItemId: itemId, locationId }
        const stocking = keyOf(job.idempotencyKey, `stocked ${job.attempt}`)
        await shopify.call(activateInventory, variables, { signal, idempotencyKey: stocking })
        isStocked = true
      }
    }
  }

  async function add(productId: string, variant: NewTicket, signal: AbortSignal) {
    const variables = { productId, variants: [variant] }
    const { productVariantsBulkCreate } = await shopify.call(createTickets, variables, { signal })
    const { updatedAt } = required(productVariantsBulkCreate.product)
    return { id: required(productVariantsBulkCreate.productVariants?.[0]).id, updatedAt }
  }

  async function set(productId: string, change: TicketChange, signal: AbortSignal) {
    const { productVariantsBulkUpdate } = await shopify.call(
      updateTickets,
      { productId, variants: [change] },
      { signal },
    )
    return required(productVariantsBulkUpdate.productVariants?.[0])
  }

  async function findOne(id: string, signal: AbortSignal): Promise<FoundTicket | null> {
    return (await shopify.call(findTicket, { id }, { signal })).productVariant
  }

  async function requireTicket(id: string, signal: AbortSignal): Promise<FoundTicket> {
    const found = await findOne(id, signal)
    if (found === null) throw new Refused('The ticket is not in the shop any more')
    return found
  }

  async function findMade(
    id: string,
    variant: NewTicket,
    signal: AbortSignal,
  ): Promise<{ id: string; updatedAt: string } | null> {
    const change = { ...variant, id: '' }
    let after: string | null = null
    do {
      const { product }: Awaited<ReturnType<typeof tickets>> = await tickets(id, after, signal)
      if (product === null) throw new Refused('The event is not in the shop any more')
      const found = product.variants.nodes.find((ticket) => isAs(ticket, change))
      if (found !== undefined) return { id: found.id, updatedAt: product.updatedAt }
      const { hasNextPage, endCursor } = product.variants.pageInfo
      after = hasNextPage ? endCursor : null
    } while (after !== null)
    return null
  }

  function tickets(id: string, after: string | null, signal: AbortSignal) {
    return shopify.call(listTickets, { id, after }, { signal })
  }

  /** The name of the choice between an event's tickets, which a merchant may have given. */
  async function optionOf(id: string, signal: AbortSignal): Promise<string> {
    const { productByIdentifier: event } = await shopify.call(findEvent, { identifier: { id } }, { signal })
    if (event === null) throw new Refused('The event is not in the shop any more')
    const [only, another] = event.options
    if (only === undefined || another !== undefined) {
      throw new Refused(
        'The tickets of this event are told apart by more than a name: change them in Shopify',
      )
    }
    return only.name
  }
}

// Of the last three only what says nothing new comes this far.
const changeable = [
  'name',
  'sku',
  'price_cents',
  'compare_at_price_cents',
  'is_visible',
  'sale_starts_at',
  'sale_ends_at',
]

type CreateRequest = {
  shopify_product_id: string
  ticket: TicketRequest
  currency: string
  location_id: string | null
}

type CapacityRequest = Named & { capacity: number | null; location_id: string | null }

/** Paths as they are in the body that an admin sent, which is one ticket. */
function ofOneTicket(handler: JobHandler): JobHandler {
  return async (job, options) => {
    try {
      return await handler(job, options)
    } catch (error) {
      if (!(error instanceof ShopifyError) || error.faults.length === 0) throw error
      const { kind, message, codes, cause } = error
      const faults = error.faults.map(({ message, field }) => ({
        message,
        field: field?.replace(/^\/tickets(\/0)?/, '') || null,
      }))
      throw new ShopifyError(kind, message, { faults, codes, cause })
    }
  }
}

function namesOf({ request }: Pick<Job, 'request'>) {
  const { shopify_product_id, shopify_variant_id } = request as Named
  return { shopify_product_id, shopify_variant_id }
}

/** Whether a variant is what a change would make it. */
function isAs(found: FoundTicket, change: TicketChange): boolean {
  const { price, compareAtPrice, optionValues, inventoryItem } = change
  const name = optionValues?.[0]?.name
  const isSame = (one: string | null, other: string | null) =>
    one === null || other === null ? one === other : Number(one) === Number(other)
  return (
    (name === undefined || name === found.title) &&
    (price === undefined || isSame(price, found.price)) &&
    (compareAtPrice === undefined || isSame(compareAtPrice, found.compareAtPrice)) &&
    (inventoryItem?.sku === undefined || inventoryItem.sku === (found.sku ?? ''))
  )
}

const unstocked = ['ITEM_NOT_STOCKED_AT_LOCATION', 'INVALID_LOCATION']

function forgotten(): Refused {
  return new Refused(
    'Whether Shopify has changed the stock is not known any more: look at it there; tried again, the change is worked out anew',
  )
}

function isOf(error: unknown, code: string): boolean {
  return error instanceof ShopifyError && error.codes.includes(code)
}

/** A key that follows from the job's own. */
function keyOf(key: string, what: string): string {
  return createHash('sha256').update(`${key} ${what}`).digest('hex').slice(0, 32)
}
