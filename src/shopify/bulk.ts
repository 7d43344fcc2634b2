import { bulkLookEveryMs, bulkMsMax } from '../limits.ts'
import { Refusal } from '../platform/refusal.ts'
import type { SyncKind } from './calls.ts'
import type { Shopify } from './client.ts'
import {
  type BulkStatus,
  bulkInventory,
  bulkOrders,
  bulkProducts,
  getBulk,
  listBulks,
  startBulk,
} from './documents.ts'
import { ShopifyError } from './error.ts'

/** A bulk operation that has ended well. */
export type BulkFile = {
  /** Null: it found nothing. Whoever has it can read the file, for 7 days. */
  url: string | null
  bytes: number
  objects: number
}

/** A bulk operation came to an end without a file: it has to be asked for anew. */
export class BulkFailed extends Refusal {
  override name = 'BulkFailed'
}

/** Has Shopify write everything of a kind into a file; orders since a moment. Answers the operation's gid. */
export async function startOperation(
  kind: SyncKind,
  { shopify, ordersSince, signal }: { shopify: Shopify; ordersSince: string; signal: AbortSignal },
): Promise<string> {
  const query = queryOf(kind, ordersSince)
  // A little earlier than now: Shopify's clock is another one.
  const since = Date.now() - 60_000
  try {
    const { bulkOperationRunQuery } = await shopify.call(startBulk, { query }, { signal })
    if (bulkOperationRunQuery.bulkOperation !== null) return bulkOperationRunQuery.bulkOperation.id
  } catch (error) {
    if (!(error instanceof ShopifyError) || error.kind !== 'unknown_outcome') throw error
    // It may run: found by its query, it is not begun twice.
    const { bulkOperations } = await shopify.call(listBulks, {}, { signal })
    const begun = bulkOperations.nodes.find(
      (operation) => operation.query === query && Date.parse(operation.createdAt) >= since,
    )
    if (begun !== undefined) return begun.id
    throw error
  }
  throw new BulkFailed(`Shopify began no bulk operation for ${kind}`)
}

/** Waits until it has ended. Throws a BulkFailed where it did not end well. */
export async function awaitOperation(
  id: string,
  {
    kind,
    shopify,
    signal,
    onObjects,
    everyMs = bulkLookEveryMs,
  }: {
    kind: SyncKind
    shopify: Shopify
    signal: AbortSignal
    onObjects: (count: number) => void
    everyMs?: number
  },
): Promise<BulkFile> {
  const until = performance.now() + bulkMsMax
  for (;;) {
    const { bulkOperation } = await shopify.call(getBulk, { id }, { signal })
    if (bulkOperation === null) throw new BulkFailed(`Shopify knows the bulk operation for ${kind} no longer`)
    const { status, errorCode, url, fileSize, objectCount, partialDataUrl } = bulkOperation
    if (status === 'COMPLETED') return { url, bytes: Number(fileSize ?? 0), objects: Number(objectCount) }
    onObjects(Number(objectCount))
    if (isOver(status)) {
      const why = errorCode === null ? status : `${status}, ${errorCode}`
      const part = partialDataUrl === null ? '' : '; the part that it wrote is not used'
      throw new BulkFailed(`The bulk operation for ${kind} did not end well (${why})${part}`)
    }
    if (performance.now() > until) throw new BulkFailed(`The bulk operation for ${kind} does not end`)
    await pause(everyMs, signal)
  }
}

function queryOf(kind: SyncKind, ordersSince: string): string {
  if (kind === 'products') return bulkProducts.text
  if (kind === 'inventory') return bulkInventory.text
  return bulkOrders.text.replace('1970-01-01T00:00:00Z', ordersSince)
}

function isOver(status: BulkStatus): boolean {
  return status === 'FAILED' || status === 'CANCELED' || status === 'CANCELING' || status === 'EXPIRED'
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
