import type { Job } from '../jobs/calls.ts'
import type { Session } from '../platform/database.ts'
import { callTimer, type Metrics } from '../platform/metrics.ts'

/** Where a move stands that has begun. Ids of Shopify are text. */
type Standing = {
  eventId: number
  ticketId: number
  inventoryItemId: string
  locationId: string
  /** What came here; negative: what went to Shopify. */
  moved: number
  /** What was asked of Shopify, and was not there. */
  missing: number
}

/** How a move goes on: the words of `api.claim_allotment_move`. */
export type Move =
  | (Standing & {
      outcome: 'call'
      step: 'taking' | 'putting_back' | 'giving'
      /** What Shopify's available is to be changed by. */
      callDelta: number
      callKey: string
      /** An attempt that did not hear the answer may have made the call already. */
      wasAsked: boolean
    })
  | (Standing & {
      outcome: 'done'
      step: 'done' | 'refused' | null
      allotment: number
      toldAt: string | null
    })
  | (Standing & { outcome: 'unclear'; step: 'taking' | 'putting_back' | 'giving'; askedAt: string })
  | { outcome: 'unfinished'; otherJobId: number }
  | { outcome: 'location_wanted' }
  | { outcome: 'level_wanted'; inventoryItemId: string; locationId: string }
  | { outcome: 'too_late' }
  | { outcome: 'not_found' }

/** What Shopify said to a call: the words of `api.apply_allotment_answer`. `quantity`: null where nobody needs it. */
export type MoveAnswer =
  | { answer: 'made'; quantity: number | null; toldAt: string }
  | { answer: 'refused' | 'void' }

/** The SQL functions of the allotment; each call is timed under its function's name. */
export function createAllotmentCalls(sql: Session, metrics: Pick<Metrics, 'queryTime'>) {
  const timed = callTimer(metrics)
  return {
    /**
     * Begins the move of a job, or says how it goes on. `locationId`: where, if its request does not say; `isStocked`: somebody has
     * looked whether the ticket is sold from there.
     */
    claimAllotmentMove: (
      { id, attempt }: Pick<Job, 'id' | 'attempt'>,
      { locationId, isStocked }: { locationId: string | null; isStocked: boolean },
    ): Promise<Move> =>
      timed('claim_allotment_move', async () => {
        const [row] = await sql<Move[]>`
          select
            m.outcome, m.step, m.event_id::float8 as "eventId", m.ticket_id::float8 as "ticketId",
            m.inventory_item_id::text as "inventoryItemId", m.location_id::text as "locationId",
            m.call_delta::float8 as "callDelta", m.call_key::text as "callKey", m.was_asked as "wasAsked",
            m.moved::float8 as moved, m.missing::float8 as missing, m.allotment::float8 as allotment,
            to_char(m.told_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "toldAt",
            to_char(m.asked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "askedAt",
            m.other_job_id::float8 as "otherJobId"
          from api.claim_allotment_move(
            p_job_id => ${id}::bigint,
            p_attempt => ${attempt}::integer,
            p_location_id => ${locationId}::text::bigint,
            p_is_stocked => ${isStocked}::boolean
          ) m`
        return row!
      }),

    /** Stores what Shopify said to a call; false: it is another attempt's to say, and the move goes on there. */
    applyAllotmentAnswer: (
      { id, attempt }: Pick<Job, 'id' | 'attempt'>,
      callKey: string,
      said: MoveAnswer,
    ): Promise<boolean> =>
      timed('apply_allotment_answer', async () => {
        const { quantity, toldAt } = said.answer === 'made' ? said : { quantity: null, toldAt: null }
        const [row] = await sql<{ isStored: boolean }[]>`
          select api.apply_allotment_answer(
            p_job_id => ${id}::bigint,
            p_attempt => ${attempt}::integer,
            p_call_key => ${callKey}::uuid,
            p_answer => ${said.answer}::text,
            p_quantity => ${quantity}::bigint,
            p_told_at => ${toldAt}::text::timestamptz
          ) as "isStored"`
        return row!.isStored
      }),
  }
}
