import { isTransient, reasonOf, sqlState, toAppError } from '../errors.ts'
import {
  webhookBatchBytesMax,
  webhookBatchesAtOnce,
  webhookBatchItemsMax,
  webhookQueueBytesMax,
  webhookQueueItemsMax,
  webhookRetriesMax,
  webhookWaitMsMax,
} from '../limits.ts'
import type { Sql } from '../platform/database.ts'
import { createGatherer } from '../platform/gather.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createIntakeCalls, type StoredDelivery } from './calls.ts'
import { descriptionOf } from './description.ts'
import type { Delivery, DeliveryResult } from './model.ts'

export type Intake = ReturnType<typeof createIntake>

export type IntakeDeps = {
  /** A pool of the intake's own: a slow batch must not hold up a read on the same connection. */
  sql: Sql
  log: Log
  metrics: Metrics
}

/**
 * Webhooks in: gathers deliveries into batches and applies each batch by one call. What `submit` answered is
 * committed: applied, or kept as failed with its reason.
 */
export function createIntake({ sql, log, metrics }: IntakeDeps) {
  const calls = createIntakeCalls(sql, metrics)
  const gatherer = createGatherer<Delivery, DeliveryResult>({
    name: 'deliveries',
    run: applyBatch,
    concurrency: webhookBatchesAtOnce,
    batchItemsMax: webhookBatchItemsMax,
    batchBytesMax: webhookBatchBytesMax,
    queueItemsMax: webhookQueueItemsMax,
    queueBytesMax: webhookQueueBytesMax,
    waitMsMax: webhookWaitMsMax,
    bytesOf: (delivery) => delivery.body.length,
    metrics,
  })

  return { calls, submit: gatherer.submit, depth: gatherer.depth, drain: gatherer.drain, applyStored }

  /** Applies a batch; where PostgreSQL refuses it for its data, halves it until the culprit stands alone. */
  async function applyBatch(batch: readonly Delivery[], attempt = 1): Promise<(DeliveryResult | Error)[]> {
    try {
      return await calls.applyDeliveries(batch)
    } catch (error) {
      if (isRace(error) && attempt <= webhookRetriesMax) return applyBatch(batch, attempt + 1)
      // A batch that runs into the statement timeout may hold one body that always will: it is halved like poison.
      if (isTransient(error) && sqlState(error) !== '57014') throw error
      if (batch.length === 1) return [await failAlone(batch[0] as Delivery, error)]
      const middle = batch.length >> 1
      // One after the other: the half that is sound commits although the other fails.
      const first = await applyBatch(batch.slice(0, middle))
      return first.concat(await applyBatch(batch.slice(middle)))
    }
  }

  /** As `fail`; a delivery that cannot even be kept is refused by itself, its batch-mates are not. */
  async function failAlone(delivery: Delivery, error: unknown): Promise<DeliveryResult | Error> {
    try {
      return await fail(delivery, error)
    } catch (failure) {
      if (isTransient(failure)) throw failure
      return toAppError(failure)
    }
  }

  async function fail(delivery: Delivery, error: unknown): Promise<DeliveryResult> {
    const reason = reasonOf(error)
    await calls.failDeliveries([{ delivery, sqlstate: sqlState(error), reason }])
    const { topic, deliveryId } = delivery
    log.warn({ topic, delivery_id: deliveryId, reason }, 'Delivery kept as failed')
    return { outcome: 'failed', reason }
  }

  /** Applies a kept delivery once more, by itself; `isReplay` also where it was applied before. */
  async function applyStored(stored: StoredDelivery, { isReplay = false } = {}): Promise<DeliveryResult> {
    const delivery = deliveryOf(stored)
    try {
      const [result] = await calls.applyDeliveries([delivery], { isReplay })
      return result as DeliveryResult
    } catch (error) {
      if (isTransient(error)) throw error
      return await fail(delivery, error)
    }
  }
}

/** A kept delivery as it was submitted. */
export function deliveryOf({ bodyBase64, ...stored }: StoredDelivery): Delivery {
  const body = Buffer.from(bodyBase64, 'base64')
  return { ...stored, body, description: describes(stored.topic) ? descriptionOf(body) : null }
}

/** Whether deliveries of the topic carry a description to sanitise. */
export function describes(topic: string): boolean {
  return topic === 'products/create' || topic === 'products/update'
}

/** Deadlock, serialization failure: another session's doing, gone the next time. */
function isRace(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40P01' || state === '40001'
}
