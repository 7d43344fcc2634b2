import { Elysia } from 'elysia'
import type { Accounts } from '../accounts/accounts.ts'
import type { ErrorCode } from '../errors.ts'
import { done, noStore, uncached } from '../platform/answer.ts'
import { idParams, noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { Admin } from './admin.ts'
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

export type AdminRoutesDeps = { admin: Admin; accounts: Pick<Accounts, 'requireRole'> }

const shared = { access: 'admin' as const, tags: ['Direct events'], headers: noStoreHeader }
const always: readonly ErrorCode[] = ['busy', 'unavailable']
const ofOne: readonly ErrorCode[] = [...always, 'not_found']
const ofEdits: readonly ErrorCode[] = [...ofOne, 'not_direct']

/** Events and tickets of the direct channel alone, for admins. */
export function adminRoutes({ admin, accounts }: AdminRoutesDeps) {
  // Who asks is found out before the body is looked at: a stranger is told 401, not what a body should look like.
  return new Elysia({ name: 'admin' })
    .derive(async ({ request }) => ({ user: await accounts.requireRole(request.headers, 'ADMIN') }))
    .post(
      '/events',
      async ({ user, body: { channel: _, ...event } }) =>
        uncached(await admin.createEvent(event, { actor: user.name }), { status: 201 }),
      {
        query: noQuery,
        body: newEventBody,
        detail: operation({
          ...shared,
          summary: 'Make an event',
          description: 'Role ADMIN. Of the direct channel alone; a draft unless `status` says otherwise.',
          answers: { 201: { schema: eventAnswer, description: 'Created' } },
          errors: always,
        }),
      },
    )
    .patch(
      '/events/:id',
      async ({ user, params, body: { version, ...changes } }) =>
        uncached(await admin.updateEvent(Number(params.id), changes, { actor: user.name, version })),
      {
        query: noQuery,
        params: idParams,
        body: eventChangesBody,
        detail: operation({
          ...shared,
          summary: 'Change an event',
          description:
            "Role ADMIN. What is absent stays, null clears. Of Shopify's events `sales_paused` alone can be changed here.",
          answers: { 200: { schema: eventAnswer } },
          errors: [...ofEdits, 'version_conflict'],
        }),
      },
    )
    .post(
      '/events/:id/publish',
      async ({ user, params }) =>
        uncached(await admin.updateEventStatus(Number(params.id), 'active', { actor: user.name })),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...shared,
          summary: 'Publish an event',
          description: 'Role ADMIN. It becomes `active`. A second call answers the same.',
          answers: { 200: { schema: eventAnswer } },
          errors: ofEdits,
        }),
      },
    )
    .post(
      '/events/:id/unpublish',
      async ({ user, params }) =>
        uncached(await admin.updateEventStatus(Number(params.id), 'draft', { actor: user.name })),
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...shared,
          summary: 'Take an event back',
          description:
            'Role ADMIN. It becomes a `draft`; orders that there are stay. A second call answers the same.',
          answers: { 200: { schema: eventAnswer } },
          errors: ofEdits,
        }),
      },
    )
    .delete(
      '/events/:id',
      async ({ user, params }) => {
        await admin.deleteEvent(Number(params.id), { actor: user.name })
        return done()
      },
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...shared,
          summary: 'Delete an event',
          description: 'Role ADMIN. Where nobody holds or has bought tickets of it; its books stay.',
          answers: { 204: { description: 'Deleted' } },
          errors: [...ofEdits, 'has_live_orders'],
        }),
      },
    )
    .post(
      '/events/:id/tickets',
      async ({ user, params, body }) =>
        uncached(await admin.createTicket(Number(params.id), body, { actor: user.name }), { status: 201 }),
      {
        query: noQuery,
        params: idParams,
        body: newTicketBody,
        detail: operation({
          ...shared,
          summary: 'Add a ticket to an event',
          description: 'Role ADMIN. Without a `position` it comes last.',
          answers: { 201: { schema: ticketAnswer, description: 'Created' } },
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
      async ({ user, params, body: { version, ...changes } }) =>
        uncached(await admin.updateTicket(Number(params.id), changes, { actor: user.name, version })),
      {
        query: noQuery,
        params: idParams,
        body: ticketChangesBody,
        detail: operation({
          ...shared,
          summary: 'Change a ticket',
          description:
            'Role ADMIN. What is absent stays, null clears. Orders keep the price that they were placed at.',
          answers: { 200: { schema: ticketAnswer } },
          errors: [...ofEdits, 'version_conflict'],
        }),
      },
    )
    .delete(
      '/tickets/:id',
      async ({ user, params }) => {
        await admin.deleteTicket(Number(params.id), { actor: user.name })
        return done()
      },
      {
        query: noQuery,
        params: idParams,
        detail: operation({
          ...shared,
          summary: 'Take a ticket out of its event',
          description: 'Role ADMIN. Where nobody holds or has bought any; its books stay.',
          answers: { 204: { description: 'Deleted' } },
          errors: [...ofEdits, 'has_live_orders'],
        }),
      },
    )
    .put(
      '/tickets/:id/capacity',
      async ({ user, params, body: { capacity, version } }) =>
        uncached(await admin.updateCapacity(Number(params.id), capacity, { actor: user.name, version })),
      {
        query: noQuery,
        params: idParams,
        body: capacityBody,
        detail: operation({
          ...shared,
          summary: 'Say how many there are of a ticket',
          description:
            'Role ADMIN. Never fewer than are sold or held: 409 `capacity_below_sold` tells the `least` there can be.',
          answers: { 200: { schema: ticketAnswer } },
          errors: [...ofEdits, 'version_conflict', 'capacity_below_sold'],
        }),
      },
    )
    .put(
      '/tickets/:id/allotment',
      async ({ user, params, body: { units, version, location_id: locationId = null } }) => {
        const by = { actor: user.name, version }
        const jobId = await admin.updateAllotment(Number(params.id), { units, locationId }, by)
        return uncached(JSON.stringify({ job_id: jobId, status: 'queued' }), { status: 202 })
      },
      {
        query: noQuery,
        params: idParams,
        body: allotmentBody,
        detail: operation({
          ...shared,
          summary: 'Say how many of a Shopify ticket are sold here',
          description:
            'Role ADMIN. A job moves the units, from Shopify or back: `GET /jobs/{id}` tells how many it were (`moved`; `missing` were sold ' +
            'there meanwhile). Never fewer than are sold or held here: 409 `capacity_below_sold` tells the `least` there can be.',
          answers: { 202: { schema: queuedAnswer, description: 'Queued' } },
          errors: [...ofOne, 'not_shopify', 'not_tracked', 'version_conflict', 'capacity_below_sold'],
        }),
      },
    )
}

const tableExample =
  'id,user_id,email,status,items,unit_count,total_cents,paid_cents,currency,expires_at,created_at,updated_at\r\n' +
  '9,7,ann@example.com,PAID,2 x General,2,5000,5000,EUR,2026-11-20T09:10:00.000Z,2026-11-20T09:00:00.000Z,2026-11-20T09:02:00.000Z\r\n'
