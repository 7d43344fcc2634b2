import { createSimulator } from '../src/payments/simulator.ts'
import { type Access, operationKey } from '../src/platform/operation.ts'
import { buildPartialApp } from './partial_app.ts'

/** A part of a JSON schema as the documentation has it. */
export type Schema = {
  /** With `null` where that is allowed too. */
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  minItems?: number
  maxItems?: number
  examples?: unknown[]
}

/** A route of the app and what the documentation says of it. */
export type DeclaredRoute = {
  /** `POST /orders/:id/cancel`. */
  name: string
  method: string
  path: string
  /** Undefined where a route forgot to say. */
  access: Access | undefined
  /** Parameters of the query. */
  query: string[]
  /** A JSON body that a schema checks, and one that fits; null where there is none. */
  body: { schema: Schema; example: unknown } | null
}

type Documented = {
  parameters?: { name?: string; in?: string }[]
  requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> }
}
type Hooks = { body?: unknown; detail?: { [operationKey]?: { access?: Access } } }

/** Every route of the app, made from the routes alone: nothing behind them is there. */
export async function declaredRoutes(): Promise<DeclaredRoute[]> {
  const app = buildPartialApp({ simulator: createSimulator({ secrets: ['of nobody'], windowS: 300 }) })
  const { paths } = (await app.openApi()) as { paths: Record<string, Record<string, Documented>> }
  const byShape = new Map(Object.entries(paths).map(([path, methods]) => [shapeOf(path), methods]))
  return app.elysia.routes.map(({ method, path, hooks }) => {
    const { body, detail } = (hooks ?? {}) as Hooks
    const { parameters = [], requestBody } = byShape.get(shapeOf(path))?.[method.toLowerCase()] ?? {}
    const json = requestBody?.content['application/json']
    return {
      name: `${method} ${path}`,
      method: method === 'WS' ? 'GET' : method,
      path,
      access: detail?.[operationKey]?.access,
      query: parameters.flatMap((parameter) => (parameter.in === 'query' ? [parameter.name ?? ''] : [])),
      body: body === undefined || json === undefined ? null : { schema: json.schema, example: json.example },
    }
  })
}

/** The same for `/orders/:id` and `/orders/{id}`. */
function shapeOf(path: string): string {
  return path.replace(/:\w+|\{\w+\}|\*/g, '{}')
}

/** Where an object or a text stands in a body: keys and places, outermost first. */
export type Place = (string | number)[]

/** A body with everything in it that the schema knows, or with what it must have and what stands in one place. */
export function fullBody(schema: Schema, only?: Place): unknown {
  const { properties = {}, required = [], items, anyOf, minimum = 1 } = schema
  const type = typeOf(schema)
  const [wanted, ...below] = only ?? []
  if (anyOf !== undefined) return fullBody(anyOf.find((variant) => variant.type !== 'null') ?? {}, only)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (type === 'object') {
    const named = Object.entries(properties).filter(
      ([name]) => only === undefined || name === wanted || required.includes(name),
    )
    return Object.fromEntries(named.map(([name, part]) => [name, fullBody(part, only && below)]))
  }
  if (type === 'array') return [fullBody(items ?? {}, only && below)]
  if (type === 'string') return textFor(schema)
  if (type === 'boolean') return true
  if (type === 'integer' || type === 'number') return Math.max(1, minimum)
  throw new Error(`No example is known for ${JSON.stringify(schema)}`)
}

/** What a value is where it is not null. */
export function typeOf({ type }: Schema): string | undefined {
  return Array.isArray(type) ? type.find((name) => name !== 'null') : type
}

const texts = [
  'a sentence about otters',
  '2098-06-01T19:00:00Z',
  'https://example.com/a.png',
  'EUR',
  'token-1',
  '1',
]

function textFor({ pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY, examples = [] }: Schema) {
  const fits = (text: unknown) =>
    typeof text === 'string' &&
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern).test(text))
  const found = [...examples, ...texts].find(fits)
  if (found === undefined) throw new Error(`No text is known that fits ${pattern}: add one to texts`)
  return found as string
}

/** Every part of a body with its schema, the body itself first. */
export function partsOf(
  schema: Schema,
  value: unknown,
  place: Place = [],
): { place: Place; schema: Schema }[] {
  const chosen = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema
  const below =
    Array.isArray(value) && chosen.items !== undefined
      ? value.flatMap((item, nth) => partsOf(chosen.items ?? {}, item, [...place, nth]))
      : typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([name, part]) =>
            partsOf(chosen.properties?.[name] ?? {}, part, [...place, name]),
          )
        : []
  return [{ place, schema: chosen }, ...below]
}

/** The body with another value in one place. */
export function withValue(body: unknown, [key, ...rest]: Place, value: unknown): unknown {
  if (key === undefined) return value
  if (Array.isArray(body)) return body.with(Number(key), withValue(body[Number(key)], rest, value))
  const object = body as Record<string, unknown>
  return { ...object, [key]: withValue(object[key], rest, value) }
}
