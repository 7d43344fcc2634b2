import type { Job } from '../jobs/calls.ts'
import { type JobHandler, Refused } from '../jobs/worker.ts'
import { levelSkewMs } from '../limits.ts'
import type { Session } from '../platform/database.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Shopify } from '../shopify/client.ts'
import { adjustInventory, getLevel, gidOf, idOfGid } from '../shopify/documents.ts'
import { ShopifyError } from '../shopify/error.ts'
import type { Places } from '../shopify/places.ts'
import { createAllotmentCalls, type Move } from './calls.ts'

export type AllotmentDeps = {
  /** The primary. */
  sql: Session
  shopify: Pick<Shopify, 'call'>
  metrics: Pick<Metrics, 'queryTime'>
  /** Where units are that nobody named a location for. */
  places: Pick<Places, 'requireLocation'>
}

type Call = Extract<Move, { outcome: 'call' }>
type Options = { signal: AbortSignal }
/** Shopify's names of where units are. */
type Place = { inventoryItemId: string; locationId: string }
/** A call that was certainly not made, and what ends the attempt; null: the call is made again at once, under another key. */
type Undone = { answer: 'refused' | 'void'; error: Refused | null }

/**
 * What the worker of the jobs does for the allotment, by kind of job: it moves units of a ticket between Shopify and the direct
 * channel. What is taken leaves Shopify before it is sold here, what is given back leaves here before it is sold there. PostgreSQL
 * keeps every step and says what comes next.
 */
export function createAllotment({
  sql,
  shopify,
  metrics,
  places,
}: AllotmentDeps): Record<'move_allotment', JobHandler> {
  const calls = createAllotmentCalls(sql, metrics)

  return { move_allotment: move }

  async function move(job: Job, options: Options): Promise<Record<string, unknown>> {
    let seen: { locationId: string | null; isStocked: boolean } = { locationId: null, isStocked: false }
    for (;;) {
      options.signal.throwIfAborted()
      const next = await calls.claimAllotmentMove(job, seen)
      if (next.outcome === 'done') return resultOf(job, next)
      if (next.outcome === 'call') await make(job, next, options)
      else if (next.outcome === 'location_wanted')
        seen = { ...seen, locationId: idOfGid(await places.requireLocation(null)) }
      else if (next.outcome === 'level_wanted') {
        await requireStocked(placeOf(next), options)
        seen = { locationId: next.locationId, isStocked: true }
      } else if (next.outcome === 'too_late') throw overtaken()
      else throw refusalOf(job, next)
    }
  }

  /** Makes a call and stores what came of it. What throws leaves the move where it is: the same call is made again, later. */
  async function make(job: Job, call: Call, { signal }: Options): Promise<void> {
    const place = placeOf(call)
    const changed = await change(job, call, { ...place, signal })
    if ('error' in changed) {
      const isStored = await calls.applyAllotmentAnswer(job, call.callKey, { answer: changed.answer })
      if (changed.error === null) return
      // Somebody else has brought the move further by this call: a refusal would end the job before its move.
      if (!isStored) throw overtaken()
      throw call.step === 'putting_back' ? notPutBack(call, changed.error) : changed.error
    }
    const { toldAt } = changed
    const quantity = call.step === 'taking' ? await quantityAfter(call, toldAt, { ...place, signal }) : null
    await calls.applyAllotmentAnswer(job, call.callKey, { answer: 'made', quantity, toldAt })
  }

  /** Units that go back to where nothing is sold from would be lost: Shopify takes them there, too. */
  async function requireStocked(place: Place, options: Options): Promise<void> {
    const level = await levelAt(place, options)
    if (!level?.isActive) throw new Refused('The ticket is not stocked at the location')
  }

  async function change(
    job: Job,
    call: Call,
    { inventoryItemId, locationId, signal }: Place & Options,
  ): Promise<{ toldAt: string } | Undone> {
    const change = { inventoryItemId, locationId, delta: call.callDelta, changeFromQuantity: null }
    const input = {
      name: 'available' as const,
      reason: reasons[call.step],
      referenceDocumentUri: referenceOf(job, call),
      changes: [change],
    }
    try {
      const options = { idempotencyKey: call.callKey, signal }
      const { inventoryAdjustQuantities: made } = await shopify.call(adjustInventory, { input }, options)
      const toldAt = made.inventoryAdjustmentGroup?.createdAt
      if (toldAt === undefined) throw new Error('Shopify does not say whether it has changed the stock')
      return { toldAt }
    } catch (error) {
      return undone(error, call)
    }
  }

  /**
   * What is left there after units were taken, at `toldAt`. What was sold, or added, since then is in it as well, and does no
   * harm: of what stands below zero nothing can be sold, and what is above was there to be taken.
   */
  async function quantityAfter(
    { callDelta }: Call,
    toldAt: string,
    { signal, ...place }: Place & Options,
  ): Promise<number> {
    const level = await levelAt(place, { signal })
    // What lies where nothing is sold from, or nothing is any more, is not on sale: all of it is put back.
    if (!level?.isActive) return callDelta
    const quantity = level.quantities.find(({ name }) => name === 'available')?.quantity
    if (quantity === undefined) throw new Error('Shopify does not say how many are left at the location')
    // An answer from before the change would show units that are gone.
    if (Date.parse(level.updatedAt) < Date.parse(toldAt) - levelSkewMs)
      throw new Error('Shopify does not show its change of the stock yet')
    return quantity
  }

  async function levelAt(place: Place, { signal }: Options) {
    const { inventoryItem } = await shopify.call(getLevel, place, { signal })
    return inventoryItem?.inventoryLevel ?? null
  }
}

function placeOf({ inventoryItemId, locationId }: Place): Place {
  return {
    inventoryItemId: gidOf('InventoryItem', inventoryItemId),
    locationId: gidOf('Location', locationId),
  }
}

const reasons = {
  taking: 'reservation_created',
  putting_back: 'reservation_updated',
  giving: 'reservation_deleted',
} as const

/** Stands in the history of the stock at Shopify, where a person finds it. */
function referenceOf({ id }: Job, { step }: { step: string }): string {
  return `onsale://jobs/${id}/${step}`
}

/** This attempt has nothing more to do; where the job is not ended, one that comes later sees how its move stands. */
function overtaken(): Error {
  return new Error('The job is ended, or another attempt has it')
}

/** What an error says of a call: only what was certainly not made is an answer. */
function undone(error: unknown, { wasAsked }: Call): Undone {
  if (!(error instanceof ShopifyError)) throw error
  const { kind, codes, message, faults } = error
  const refusal = new Refused(message, { faults, cause: error })
  if (codes.includes('IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED')) return { answer: 'void', error: null }
  // The key stood for something else: of the call nothing is known.
  if (codes.includes('IDEMPOTENCY_KEY_PARAMETER_MISMATCH')) throw refusal
  // Had Shopify made the call before, the key would have got that answer again.
  if (kind === 'user_errors') return { answer: 'refused', error: refusal }
  if (kind !== 'refused') throw error
  if (!wasAsked) return { answer: 'refused', error: refusal }
  throw new Refused(`${message}; an earlier attempt may have come through: have the job tried again`, {
    cause: error,
  })
}

/** The others have come here all the same. */
function notPutBack({ callDelta }: Call, cause: Refused): Refused {
  const message = `Units that were not there could not be put back at Shopify (${callDelta} of them): ${cause.message}`
  return new Refused(message, { cause })
}

function refusalOf(
  job: Job,
  move: Exclude<Move, { outcome: 'call' | 'done' | 'location_wanted' | 'level_wanted' | 'too_late' }>,
): Refused {
  if (move.outcome === 'not_found') return new Refused('There is no such ticket')
  if (move.outcome === 'unfinished')
    return new Refused(`Job ${move.otherJobId} has stopped half way: have that tried again first`)
  return new Refused(
    `Whether Shopify has made a change of the stock is not known: it was asked at ${move.askedAt}. Look for ` +
      `${referenceOf(job, move)} in the ticket's inventory history at Shopify, undo the change if it is there, then have the ` +
      'job tried again',
  )
}

function resultOf(job: Job, move: Extract<Move, { outcome: 'done' }>): Record<string, unknown> {
  const { shopify_product_id, shopify_variant_id } = job.request
  return {
    event_id: move.eventId,
    ticket_id: move.ticketId,
    shopify_product_id,
    shopify_variant_id,
    shopify_updated_at: move.toldAt,
    inventory_item_id: move.inventoryItemId,
    location_id: move.locationId,
    // What Shopify's stock was changed by, as other jobs say it.
    delta: -move.moved,
    moved: move.moved,
    missing: move.missing,
    allotment: move.allotment,
  }
}
