import { Elysia, type TSchema } from 'elysia'
import { requestIdOf } from '../platform/answer.ts'
import { operation } from '../platform/operation.ts'
import type { DirectRoute, Params } from '../platform/route_table.ts'
import { queryOf } from '../platform/shell.ts'
import type { Catalog } from './catalog.ts'
import { availability, eventDetails, eventList, eventName, listParameters, ticketList } from './model.ts'

/** `GET /events` and what is below it. The catalog checks what it is given and answers whole responses. */
export function catalogRoutes({ catalog }: { catalog: Catalog }) {
  // No schemas for Elysia to check: most requests go past it, and what a URL names is read once. `detail` tells the
  // documentation.
  return new Elysia({ name: 'catalog' })
    .get('/events', throughElysia(catalog.listEvents), {
      detail: operation({
        access: 'public',
        tags: ['Events'],
        summary: 'List and search events',
        description:
          'Public events that have not ended. Counts are at most 1 s old, everything else 100 ms. ' +
          'With `search` the most relevant are looked for among the soonest.',
        parameters: parametersOf(listParameters.properties, 'query'),
        responses: cachedAnswer('A page of events', eventList),
        // For `status`, an admin's parameter among everybody's.
        errors: ['unauthorized', 'forbidden', 'unavailable'],
      }),
    })
    .get('/events/:id', throughElysia(catalog.getEvent), {
      detail: operation({
        access: 'public',
        tags: ['Events'],
        summary: 'Open an event',
        description:
          'An event with its tickets, at most 100 ms old. To a login with the role ADMIN also one that visitors do not see, not cached.',
        parameters: idParameter,
        responses: cachedAnswer('The event', eventDetails),
        errors: ['not_found', 'unavailable'],
      }),
    })
    .get('/events/:id/tickets', throughElysia(catalog.listEventTickets), {
      detail: operation({
        access: 'public',
        tags: ['Events'],
        summary: "List an event's tickets",
        description: 'Visible tickets by position, at most 100 ms old.',
        parameters: idParameter,
        responses: cachedAnswer('The tickets', ticketList),
        errors: ['not_found', 'unavailable'],
      }),
    })
    .get('/events/:id/availability', ({ request, params }) => catalog.getAvailability(request, params.id), {
      detail: operation({
        access: 'public',
        tags: ['Events'],
        summary: 'Ask what is left right now',
        description: 'Never cached: for the moment before checkout.',
        parameters: idParameter,
        responses: { 200: answerOf('Counters and state of every visible ticket', availability) },
        errors: ['not_found', 'busy', 'unavailable'],
      }),
    })
}

/** Answers what comes through Elysia after all: HEAD, and a path that is percent-encoded. */
function throughElysia(route: DirectRoute) {
  return ({ request, params }: { request: Request; params: Params }) => {
    const answer = route({ query: queryOf(request.url), params })
    return answer({ headers: request.headers, requestId: requestIdOf(request), at: performance.now() })
  }
}

const idParameter = parametersOf({ id: eventName }, 'path')

function parametersOf(schemas: Record<string, TSchema>, place: 'query' | 'path') {
  return Object.entries(schemas).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path',
    ...(schema.description === undefined ? {} : { description: schema.description as string }),
    schema: schema as never,
  }))
}

function answerOf(description: string, schema: TSchema) {
  return { description, content: { 'application/json': { schema: schema as never } } }
}

function cachedAnswer(description: string, schema: TSchema) {
  const headers = {
    ETag: { description: 'Strong, one per encoding', schema: { type: 'string' as const } },
    'Cache-Control': { description: 'For browsers and CDNs', schema: { type: 'string' as const } },
    'X-Cache': {
      description: '`stale`: known to be out of date, within its bound',
      schema: { type: 'string' as const, enum: ['hit', 'miss', 'stale'] },
    },
  }
  return {
    200: { ...answerOf(description, schema), headers },
    304: { description: 'The client has it: its If-None-Match names the ETag' },
  }
}
