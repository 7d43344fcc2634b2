import { Elysia } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import type { ErrorCode } from '../errors.ts'
import { done, noStore, uncached } from '../platform/answer.ts'
import { idempotencyKeyHeader, idempotencyKeyOf } from '../platform/client_token.ts'
import { idParams, noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { Admin, Queued } from './admin.ts'
import type { Asker } from './calls.ts'
import {
  allotmentBody,
  capacityBody,
  eventAnswer,
  eventChangesBody,
  newEventBody,
  newTicketBody,
  queuedAnswer,
  statsAnswer,
  ticketAnswer,
  ticketChangesBody,
} from './model.ts'
import { noLocation } from './shop_bodies.ts'

export type AdminRoutesDeps = { admin: Admin; accounts: Pick<Accounts, 'requireRole'> }

const shared = { access: 'admin' as const, tags: ['Events for admins'], headers: noStoreHeader }
const written = {
  ...shared,
  parameters: [
    idempotencyKeyHeader(
      "Names a request for Shopify: sent again it answers the same job, with `Idempotent-Replayed: true`. It says nothing of the direct channel's",
    ),
  ],
}
const always: readonly ErrorCode[] = ['busy', 'unavailable']
const ofOne: readonly ErrorCode[] = [...always, 'not_found']
const ofQueued: readonly ErrorCode[] = ['shopify_not_connected', 'idempotency_conflict']
const ofEdits: readonly ErrorCode[] = [...ofOne, ...ofQueued]
const queued = {
  202: { schema: queuedAnswer, description: 'For Shopify: a job is queued, which `Location` names' },
}
const forShopify = "Of Shopify's a job changes it there, and it is shown when Shopify tells of it."

/** Events and tickets, for admins: of the direct channel alone they are changed here, Shopify's by jobs. */
export function adminRoutes({ admin, accounts }: AdminRoutesDeps) {
  // Who asks is found out before the body is looked at: a stranger is told 401, not what a body should look like.
  return new Elysia({ name: 'admin' })
    .derive(async ({ request }) => ({ user: await accounts.requireRole(request.headers, 'ADMIN') }))
    .post(
      '/events',
      async ({ user, request, body }) => {
        const { channel = 'shopify', location_id: locationId = null, ...event } = body
        if (channel === 'shopify') {
          const by = { ...askerOf(user, request, body), locationId }
          return answerOf(await admin.createShopifyEvent(event, by))
        }
        if (locationId !== null) throw noLocation()
        return answerOf(await admin.createEvent(event, { actor: user.name }), { status: 201 })
      },
      {
        query: noQuery,
        body: newEventBody,
        detail: operation({
          ...written,
          summary: 'Make an event',
          description:
            'Role ADMIN. A draft unless `status` says otherwise. In Shopify unless `channel` is `direct`: a job makes it there, and it is here when Shopify tells of it.',
          answers: {
            201: { schema: eventAnswer, description: 'Created, of the direct channel alone' },
            ...queued,
          },
          errors: [...always, ...ofQueued],
        }),
      },
    )
    .patch(
      '/events/:id',
      async ({ user, request, params, body }) => {
        const { version, ...changes } = body
        const by = { ...askerOf(user, request, body), version }
        return answerOf(await admin.updateEvent(Number(params.id), changes, by))
      },
      {
        query: noQuery,
        params: idParams,
        body: eventChangesBody,
        detail: operation({
          ...written,
          summary: 'Change an event',
          description: `Role ADMIN. What is absent stays, null clears. ${forShopify} \`sales_paused\` alone changes at once, too.`,
          answers: { 200: { schema: eventAnswer }, ...queued },
          errors: [...ofEdits, 'version_conflict'],
        }),
      },
    )
    .post(
      '/events/:id/publish',
      async ({ user, request, params }) =>
        answerOf(await admin.updateEventStatus(Number(params.id), 'active', askerOf(user, request))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...written,
          summary: 'Publish an event',
          description: `Role ADMIN. It becomes \`active\`. A second call answers the same. ${forShopify}`,
          answers: { 200: { schema: eventAnswer }, ...queued },
          errors: ofEdits,
        }),
      },
    )
    .post(
      '/events/:id/unpublish',
      async ({ user, request, params }) =>
        answerOf(await admin.updateEventStatus(Number(params.id), 'draft', askerOf(user, request))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...written,
          summary: 'Take an event back',
          description: `Role ADMIN. It becomes a \`draft\`; orders that there are stay. A second call answers the same. ${forShopify}`,
          answers: { 200: { schema: eventAnswer }, ...queued },
          errors: ofEdits,
        }),
      },
    )
    .delete(
      '/events/:id',
      async ({ user, request, params }) =>
        answerOf(await admin.deleteEvent(Number(params.id), askerOf(user, request))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...written,
          summary: 'Delete an event',
          description: `Role ADMIN. Where nobody holds or has bought tickets of it in the direct channel; its books stay. ${forShopify}`,
          answers: { 204: { description: 'Deleted' }, ...queued },
          errors: [...ofEdits, 'has_live_orders'],
        }),
      },
    )
    .post(
      '/events/:id/tickets',
      async ({ user, request, params, body }) => {
        const { location_id: locationId = null, ...ticket } = body
        const by = { ...askerOf(user, request, body), locationId }
        return answerOf(await admin.createTicket(Number(params.id), ticket, by), { status: 201 })
      },
      {
        query: noQuery,
        params: idParams,
        body: newTicketBody,
        detail: operation({
          ...written,
          summary: 'Add a ticket to an event',
          description: `Role ADMIN. Without a \`position\` it comes last. ${forShopify}`,
          answers: { 201: { schema: ticketAnswer, description: 'Created' }, ...queued },
          errors: ofEdits,
        }),
      },
    )
    .get('/events/:id/stats', async ({ params }) => uncached(await admin.getEventStats(Number(params.id))), {
      query: noQuery,
      params: idParams,
      detail: operation({
        ...shared,
        summary: 'Look at what an event has sold',
        description:
          'Role ADMIN. In the direct channel, by ticket and by day (UTC); also of a deleted event.',
        answers: { 200: { schema: statsAnswer } },
        errors: ofOne,
      }),
    })
    .get(
      '/events/:id/orders.csv',
      async ({ params }) =>
        new Response(await admin.streamEventOrders(Number(params.id)), {
          headers: {
            ...noStore,
            'content-type': 'text/csv; charset=utf-8; header=present',
            'content-disposition': `attachment; filename="event-${params.id}-orders.csv"`,
          },
        }),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...shared,
          summary: "Take away an event's orders as a table",
          description:
            'Role ADMIN. CSV (RFC 4180) by id, with a header. Text that a spreadsheet would run as a formula begins with an apostrophe.',
          answers: { 200: { contentType: 'text/csv', example: tableExample } },
          errors: ofOne,
          headers: {
            ...noStoreHeader,
            'Content-Disposition': {
              description: 'A file to save',
              example: 'attachment; filename="event-42-orders.csv"',
            },
          },
        }),
      },
    )
    .patch(
      '/tickets/:id',
      async ({ user, request, params, body }) => {
        const { version, ...changes } = body
        const by = { ...askerOf(user, request, body), version }
        return answerOf(await admin.updateTicket(Number(params.id), changes, by))
      },
      {
        query: noQuery,
        params: idParams,
        body: ticketChangesBody,
        detail: operation({
          ...written,
          summary: 'Change a ticket',
          description: `Role ADMIN. What is absent stays, null clears. Orders keep the price that they were placed at. ${forShopify}`,
          answers: { 200: { schema: ticketAnswer }, ...queued },
          errors: [...ofEdits, 'version_conflict'],
        }),
      },
    )
    .delete(
      '/tickets/:id',
      async ({ user, request, params }) =>
        answerOf(await admin.deleteTicket(Number(params.id), askerOf(user, request))),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...written,
          summary: 'Take a ticket out of its event',
          description: `Role ADMIN. Where nobody holds or has bought any in the direct channel; its books stay. ${forShopify}`,
          answers: { 204: { description: 'Deleted' }, ...queued },
          errors: [...ofEdits, 'has_live_orders'],
        }),
      },
    )
    .put(
      '/tickets/:id/capacity',
      async ({ user, request, params, body }) => {
        const { capacity, version, location_id: locationId = null } = body
        const by = { ...askerOf(user, request, body), version, locationId }
        return answerOf(await admin.updateCapacity(Number(params.id), capacity, by))
      },
      {
        query: noQuery,
        params: idParams,
        body: capacityBody,
        detail: operation({
          ...written,
          summary: 'Say how many there are of a ticket',
          description: `Role ADMIN. Of all channels. Never fewer than are sold or held: 409 \`capacity_below_sold\` tells the \`least\` there can be. ${forShopify}`,
          answers: { 200: { schema: ticketAnswer }, ...queued },
          errors: [...ofEdits, 'version_conflict', 'capacity_below_sold'],
        }),
      },
    )
    .put(
      '/tickets/:id/allotment',
      async ({ user, request, params, body }) => {
        const { units, version, location_id: locationId = null } = body
        const by = { ...askerOf(user, request, body), version, locationId }
        return answerOf(await admin.updateAllotment(Number(params.id), units, by))
      },
      {
        query: noQuery,
        params: idParams,
        body: allotmentBody,
        detail: operation({
          ...written,
          summary: 'Say how many of a Shopify ticket are sold here',
          description:
            'Role ADMIN. A job moves them from Shopify, or back: `GET /jobs/{id}` tells how many it `moved`, and how many were `missing`, because Shopify ' +
            'had sold them meanwhile. Never fewer than are sold or held here: 409 `capacity_below_sold` tells the `least` there can be.',
          answers: queued,
          errors: [...ofEdits, 'not_shopify', 'not_tracked', 'version_conflict', 'capacity_below_sold'],
        }),
      },
    )
}

/** 204 for what is gone, 202 for what waits for Shopify, else what there is now. */
function answerOf(written: string | null | Queued, { status = 200 } = {}): Response {
  if (written === null) return done()
  if (typeof written === 'string') return uncached(written, { status })
  const { jobId, isReplayed } = written
  return uncached({ job_id: jobId, status: 'queued' } satisfies typeof queuedAnswer.static, {
    status: 202,
    headers: { location: `/jobs/${jobId}`, ...(isReplayed && { 'idempotent-replayed': 'true' }) },
  })
}

/** Who asks, by which name, for what: the same path and body under the same name are the same request. */
function askerOf({ name: actor }: { name: string }, request: Request, body: unknown = null): Asker {
  const token = idempotencyKeyOf(request.headers)
  if (token === null) return { actor, token, digest: null }
  const asked = `${request.method} ${new URL(request.url).pathname} ${JSON.stringify(body)}`
  return { actor, token, digest: new Bun.CryptoHasher('sha256').update(asked).digest('hex') }
}

const tableExample =
  'id,user_id,email,status,items,unit_count,total_cents,paid_cents,currency,expires_at,created_at,updated_at\r\n' +
  '9,7,ann@example.com,PAID,2 x General,2,5000,5000,EUR,2026-11-20T09:10:00.000Z,2026-11-20T09:00:00.000Z,2026-11-20T09:02:00.000Z\r\n'
