import { toOpenAPISchema } from '@elysiajs/openapi'
import type { AnyElysia } from 'elysia'
import type { OpenAPIV3_1 } from 'openapi-types'
import { type ErrorCode, errorCodes } from '../errors.ts'
import { type Operation, operationKey } from '../platform/operation.ts'
import { rateLimitHeaders } from '../rate_limits/model.ts'

type Document = OpenAPIV3_1.Document
type OperationObject = OpenAPIV3_1.OperationObject & { [operationKey]?: Implied }
type Implied = Partial<Pick<Operation, 'answers' | 'errors' | 'headers' | 'wildcard'>>
type Responses = Record<string, OpenAPIV3_1.ResponseObject>

/**
 * The OpenAPI document of everything the app answers: the paths as @elysiajs/openapi reads them from the routes,
 * completed with what each route declared by `operation` and what its schemas imply.
 */
export function buildOpenApi(app: AnyElysia, { version }: { version: string }): Document {
  const { paths, components } = toOpenAPISchema(app, { staticFile: false }) as unknown as {
    paths: Record<string, Record<string, OperationObject>>
    components: { schemas: Record<string, OpenAPIV3_1.SchemaObject> }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Onsale',
      version,
      description: introduction(),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    // Most of this needs no login, and what does says so; a webhook's signature is a header of its own.
    security: [],
    tags: [
      {
        name: 'Events',
        description: 'What is on sale, for everyone: cached, a tenth of a second behind the truth.',
      },
      {
        name: 'Webhooks',
        description: 'What Shopify tells: signed, repeatable in any order, answered after commit.',
      },
      {
        name: 'Accounts',
        description: 'Who somebody is: a token for an hour, sent as `Authorization: Bearer`.',
      },
      {
        name: 'Orders',
        description:
          'The direct channel: held until paid, never sold twice; a request that is sent again is the same order.',
      },
      { name: 'Bookings', description: 'Orders of one ticket kind, by another name.' },
      {
        name: 'Payments',
        description: 'Attempts to pay an order at a payment provider, and what the provider tells of them.',
      },
      { name: 'Check-in', description: 'At the door: each code admits once.' },
      {
        name: 'Events for admins',
        description:
          'For users with the role ADMIN: events and tickets of the direct channel alone are changed at once, those of Shopify there, by jobs.',
      },
      {
        name: 'Jobs',
        description:
          'For users with the role ADMIN: calls to others’ services that are owed, tried until they succeed or a person is needed.',
      },
      { name: 'Admin', description: 'For users with the role ADMIN.' },
      { name: 'Operations', description: 'For operators and balancers.' },
    ],
    paths: Object.fromEntries(Object.entries(paths).map(([path, methods]) => completePath(path, methods))),
    components: {
      schemas: { ...components.schemas, Problem: problemSchema },
      headers: { 'X-Request-Id': requestIdHeader, 'Retry-After': retryAfterHeader },
      securitySchemes: {
        bearerAuth: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of `POST /auth/login`, or a key of `POST /admin/api-keys`',
        },
      },
      parameters: { 'X-Request-Id': { name: 'X-Request-Id', in: 'header', ...requestIdHeader } },
    },
  } as Document
}

function completePath(path: string, methods: Record<string, OperationObject>): [string, object] {
  const wildcard = Object.values(methods).find((method) => method[operationKey]?.wildcard)?.[operationKey]
    ?.wildcard
  const documentedPath = path.replace('*', `{${wildcard ?? 'rest'}}`)
  return [
    documentedPath,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [
        method,
        plainJson({ ...complete(operation), operationId: operationIdOf(method, documentedPath) }),
      ]),
    ),
  ]
}

/** `get`, `/events/{id}/tickets` -> `getEventsIdTickets`: what a generated client calls its function. */
function operationIdOf(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return method + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}

/**
 * Schemas as the wire has them. Elysia's `t` adds to numbers and booleans that they may come as text, and to an
 * enumeration that its first word is the default; both are about reading requests and wrong of answers.
 */
function plainJson(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plainJson)
  if (node === null || typeof node !== 'object') return node
  const { anyOf, ...rest } = node as { anyOf?: { type?: string; format?: string }[] }
  const variants = anyOf?.filter(({ type, format }) => type !== 'string' || !textFormats.has(format ?? ''))
  const only = anyOf !== undefined && variants?.length === 1 && anyOf.length > 1 ? variants[0] : undefined
  if (only !== undefined) return plainJson({ ...only, ...rest })
  const known: Record<string, unknown> = { ...rest, ...(variants && { anyOf: variants }) }
  if (Array.isArray(known.enum) && known.default === known.enum[0]) delete known.default
  return Object.fromEntries(
    Object.entries(known).map(([name, value]) => [
      name,
      name.startsWith('example') ? value : plainJson(value),
    ]),
  )
}

const textFormats = new Set(['integer', 'numeric', 'boolean'])

function complete({ [operationKey]: implied = {}, ...operation }: OperationObject): OperationObject {
  const body = operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined
  // The shell refuses every other type where a schema checks the body.
  const takesJson = body?.content['multipart/form-data'] !== undefined
  if (takesJson) {
    const media = body.content['application/json'] as OpenAPIV3_1.MediaTypeObject
    body.content = { 'application/json': withExample(media) }
  }

  const responses: Responses = { ...((operation.responses ?? {}) as Responses), ...answersOf(implied) }
  for (const [status, codes] of Map.groupBy(
    errorsOf(implied, takesJson),
    (code) => errorCodes[code].status,
  )) {
    responses[status] = { ...problemResponse(codes, status), ...responses[status] }
  }
  for (const [status, response] of Object.entries(responses)) {
    for (const media of Object.values(response.content ?? {})) withExample(media)
    const own = Number(status) < 400 ? headersOf(implied) : {}
    response.headers = {
      ...response.headers,
      ...own,
      'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
    }
  }
  const parameters = [
    ...((operation.parameters ?? []) as object[]),
    ...(implied.wildcard
      ? [{ name: implied.wildcard, in: 'path', required: true, schema: { type: 'string' } }]
      : []),
    { $ref: '#/components/parameters/X-Request-Id' },
  ]
  return { ...operation, parameters, responses } as OperationObject
}

/** The schema's own example is the one to show, where no other is given. */
function withExample(media: OpenAPIV3_1.MediaTypeObject): OpenAPIV3_1.MediaTypeObject {
  const example = (media.schema as OpenAPIV3_1.SchemaObject | undefined)?.examples?.[0]
  if (media.example === undefined && example !== undefined) media.example = example
  return media
}

function answersOf({ answers = {} }: Implied): Responses {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, contentType, example }]) => {
      const media = {
        ...(schema && { schema: schema as object }),
        ...(example === undefined ? {} : { example }),
      }
      const content = Object.keys(media).length > 0 && {
        content: { [contentType ?? 'application/json']: media },
      }
      return [status, { description: description ?? 'Success', ...content }]
    }),
  )
}

/** Declared codes and those that follow: a URL can always be wrong, and we can. */
function errorsOf({ errors = [] }: Implied, takesJson: boolean): ErrorCode[] {
  const ofJson = ['request_timeout', 'too_large', 'unsupported_media_type', 'validation_failed'] as const
  return [...new Set<ErrorCode>(['bad_request', ...errors, ...(takesJson ? ofJson : []), 'internal'])]
}

function problemResponse(codes: readonly ErrorCode[], status: number): OpenAPIV3_1.ResponseObject {
  return {
    description: codes.map((code) => `\`${code}\`: ${errorCodes[code].title}`).join('\n\n'),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { enum: [...codes] }, status: { const: status } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }])),
      },
    },
    ...((status === 503 || status === 429) && {
      headers: {
        'Retry-After': { $ref: '#/components/headers/Retry-After' },
        ...(status === 429 && headersOf({ headers: rateLimitHeaders })),
      },
    }),
  } as OpenAPIV3_1.ResponseObject
}

function problemExample(code: ErrorCode): object {
  const { status, title } = errorCodes[code]
  const detail = examples[code]?.detail ?? title
  const errors = examples[code]?.errors
  const type = `urn:onsale:problem:${code}`
  return { type, title, status, code, detail, request_id: '3f2a91c0-4711', ...(errors && { errors }) }
}

const examples: Partial<Record<ErrorCode, { detail: string; errors?: { path: string; message: string }[] }>> =
  {
    bad_request: {
      detail: 'query.limit: Expected a whole number from 1 to 100',
      errors: [{ path: 'query.limit', message: 'Expected a whole number from 1 to 100' }],
    },
    rate_limited: { detail: 'Too many orders of a user: try again in 42 s' },
    validation_failed: {
      detail: '/items/0/qty: Expected integer',
      errors: [{ path: '/items/0/qty', message: 'Expected integer' }],
    },
  }

function headersOf({ headers = {} }: Implied): Record<string, object> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, { description, example }]) => [
      name,
      { description, example, schema: { type: 'string' } },
    ]),
  )
}

const requestIdHeader = {
  description: 'The id of the request: the one you sent where it is well formed, else ours',
  schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
  example: '3f2a91c0-4711',
}

const retryAfterHeader = {
  description: 'Seconds to wait before trying again',
  schema: { type: 'integer', minimum: 1 },
  example: 1,
}

const problemSchema = {
  type: 'object',
  description: 'An error (RFC 9457)',
  required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
  properties: {
    type: {
      type: 'string',
      description: 'A name for the kind of problem: `urn:onsale:problem:` and the code',
    },
    title: { type: 'string', description: 'The same for every problem of the code' },
    status: { type: 'integer' },
    code: {
      type: 'string',
      enum: Object.keys(errorCodes),
      description: 'Stable: what a program should look at',
    },
    detail: { type: 'string', description: 'What was wrong with this request' },
    request_id: { type: 'string', description: 'The same as X-Request-Id; name it when you ask for help' },
    errors: {
      type: 'array',
      description: 'Every fault of the request, all at once',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: {
            type: 'string',
            description: 'Where: `query.<name>`, `path.<name>`, or a JSON pointer into the body',
          },
          message: { type: 'string', description: 'What was wanted' },
        },
      },
    },
  },
}

function introduction(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  )
  return `The service behind an event-ticketing shop: an exact mirror of Shopify's stock, served in milliseconds.

**Conventions.** JSON in snake_case. Times are RFC 3339 in UTC. Money is an integer in minor units (\`*_cents\`) with an
ISO 4217 \`currency\`. Our ids are numbers, Shopify's are strings. Every answer carries \`X-Request-Id\`. \`HEAD\` works
wherever \`GET\` does; \`OPTIONS\` tells the methods of a path.

**Errors** are \`application/problem+json\` (RFC 9457). Validation tells every fault at once. A path that exists but
does not answer the method is 405 with \`Allow\`. The codes:

| code | status | meaning |
|---|---|---|
${rows.join('\n')}`
}
