import { type JobHandler, Refused } from '../jobs/worker.ts'
import { ShopifyError } from './error.ts'

/**
 * Does what must not be repeated blindly: what an earlier attempt may have done is looked for before, and what this one may have
 * done after its answer was lost. `look` answers null where it was not done. What is not found then may still come to be: the job
 * comes back after `settleMs`, and looks again first.
 */
export async function once<Done>(
  { attempt, settleMs }: { attempt: number; settleMs: number },
  { look, ask }: { look: () => Promise<Done | null>; ask: () => Promise<Done> },
): Promise<Done> {
  const before = attempt > 1 ? await look() : null
  if (before !== null) return before
  try {
    return await ask()
  } catch (error) {
    if (!isUnknown(error)) throw error
    const done = await look()
    if (done !== null) return done
    throw new Unsettled(error.message, { cause: error, retryAfterMs: settleMs })
  }
}

/** A write that may still be done. */
class Unsettled extends Error {
  override name = 'Unsettled'
  readonly retryAfterMs: number

  constructor(message: string, { cause, retryAfterMs }: { cause: unknown; retryAfterMs: number }) {
    super(message, { cause })
    this.retryAfterMs = retryAfterMs
  }
}

/** Ends a job as refused where Shopify will not have it, with what an admin has to change. */
export function refusing(handler: JobHandler): JobHandler {
  return async (job, options) => {
    try {
      return await handler(job, options)
    } catch (error) {
      const isRefused =
        error instanceof ShopifyError && (error.kind === 'user_errors' || error.kind === 'refused')
      throw isRefused ? new Refused(error.message, { faults: error.faults, cause: error }) : error
    }
  }
}

/** Whether a mutation was sent and may have been done. */
export function isUnknown(error: unknown): error is ShopifyError {
  return error instanceof ShopifyError && error.kind === 'unknown_outcome'
}
