import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { errorCodes } from '../../src/errors.ts'
import { createSimulator } from '../../src/payments/simulator.ts'
import { buildPartialApp } from '../partial_app.ts'

// The document is made from the routes alone, so nothing behind them is needed here.

type Schema = Record<string, unknown>
type Media = {
  schema?: Schema
  example?: unknown
  examples?: Record<string, { value: { code: string; status: number } }>
}
type Answer = { description: string; headers?: Record<string, unknown>; content?: Record<string, Media> }
type Parameter = { name?: string; in?: string; $ref?: string; schema?: Schema; required?: boolean }
type Operation = {
  operationId: string
  tags: string[]
  summary: string
  description: string
  parameters: Parameter[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Answer>
}
type Document = {
  openapi: string
  info: { description: string; version: string }
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

const app = buildPartialApp({ simulator: createSimulator({ secrets: ['of nobody'], windowS: 300 }) })

let server: Bun.Server<undefined>
let document: Document
let operations: [string, Operation][]

beforeAll(async () => {
  server = Bun.serve({ ...app.serve, port: 0, hostname: '127.0.0.1' })
  document = (await (await fetch(new URL('/openapi.json', server.url))).json()) as Document
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )
})
afterAll(() => server.stop(true))

describe('the document', () => {
  test('names exactly the routes', () => {
    const shown = (path: string) => path.replace(/:([^/]+)/g, '{$1}').replace('*', '{topic}')
    const routes = app.elysia.routes.map(({ method, path }) => `${method} ${shown(path)}`)
    expect(operations.map(([name]) => name).toSorted()).toEqual(routes.toSorted())
  })

  test('has every operation described, under a tag that is described', () => {
    const tags = new Set(document.tags.map(({ name }) => name))
    for (const [name, { summary, description, tags: own }] of operations) {
      expect([name, summary?.length > 0, description?.length > 0]).toEqual([name, true, true])
      expect([name, own.every((tag) => tags.has(tag)), own.length]).toEqual([name, true, 1])
    }
  })

  test('gives each operation an id of its own', () => {
    const ids = operations.map(([, { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z0-9]*$/)
  })

  test('declares every parameter of a path, and no other', () => {
    for (const [name, { parameters }] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const declared = parameters.filter((parameter) => parameter.in === 'path')
      expect([name, declared.map((parameter) => parameter.name)]).toEqual([name, inPath])
      for (const { required } of declared) expect(required).toBe(true)
    }
  })

  test('shows an example of every answer and body', () => {
    for (const [name, { responses, requestBody }] of operations) {
      const medias = [...Object.values(responses), ...(requestBody ? [requestBody] : [])].flatMap(
        ({ content }) => Object.values(content ?? {}),
      )
      for (const { example, examples } of medias) {
        expect([name, example !== undefined || Object.keys(examples ?? {}).length > 0]).toEqual([name, true])
      }
    }
  })

  test('says that every answer carries X-Request-Id', () => {
    for (const [name, { responses }] of operations) {
      for (const [status, { headers }] of Object.entries(responses)) {
        expect([name, status, Object.keys(headers ?? {})]).toEqual([
          name,
          status,
          expect.arrayContaining(['X-Request-Id']),
        ])
      }
    }
  })

  test('lists the codes of every refusal, as the catalogue has them', () => {
    for (const [name, { responses }] of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        const problem = content?.['application/problem+json']
        // /health tells in its own words that it is unhealthy, and a page tells it to a person.
        const isPage = content?.['text/html; charset=utf-8'] !== undefined
        if (Number(status) >= 400 && name !== 'GET /health' && !isPage)
          expect([name, status, problem]).not.toContain(undefined)
        for (const [code, { value }] of Object.entries(problem?.examples ?? {})) {
          expect([code, value.code, value.status]).toEqual([code, code, Number(status)])
          expect(errorCodes[code as keyof typeof errorCodes].status).toBe(Number(status) as never)
        }
      }
    }
  })

  test('says when to try again wherever something is busy or away', () => {
    for (const [name, { responses }] of operations) {
      if (responses[503]?.content?.['application/problem+json'] === undefined) continue
      expect([name, Object.keys(responses[503].headers ?? {})]).toEqual([
        name,
        expect.arrayContaining(['Retry-After']),
      ])
    }
  })

  test('says how often wherever something is limited', async () => {
    const limited = operations.filter(([, { responses }]) => responses[429] !== undefined)
    expect(limited.map(([name]) => name).toSorted()).toEqual([
      'POST /auth/login',
      'POST /auth/password',
      'POST /auth/signup',
      'POST /bookings',
      'POST /orders',
    ])
    for (const [name, { responses }] of limited) {
      const rateLimits = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']
      for (const [status, { headers }] of Object.entries(responses)) {
        if (Number(status) >= 400 && status !== '429') continue
        const wanted = status === '429' ? [...rateLimits, 'Retry-After'] : rateLimits
        expect([name, status, Object.keys(headers ?? {})]).toEqual([
          name,
          status,
          expect.arrayContaining(wanted),
        ])
      }
    }
  })

  test('explains every code of the catalogue', () => {
    for (const [code, { status }] of Object.entries(errorCodes)) {
      expect(document.info.description).toContain(`| \`${code}\` | ${status} |`)
    }
  })

  test('refers to nothing that is not there', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)
    for (const [, kind, name] of references)
      expect(document.components[kind as string]).toHaveProperty([name as string])
  })

  test('has the types of the wire: no number as text, no leftover of our own', () => {
    const text = JSON.stringify(document)
    expect(text).not.toContain('"format":"integer"')
    expect(text).not.toContain('"format":"numeric"')
    expect(text).not.toContain('x-onsale')
  })

  test('names the headers of cached reads', () => {
    for (const path of ['/events', '/events/{id}', '/events/{id}/tickets']) {
      const { responses } = document.paths[path]!.get!
      expect(Object.keys(responses[200]?.headers ?? {})).toEqual(
        expect.arrayContaining(['ETag', 'Cache-Control', 'X-Cache']),
      )
      expect(responses).toHaveProperty('304')
    }
  })
})

describe('the page', () => {
  test('loads everything from here, and everything is there', async () => {
    const page = await (await fetch(new URL('/docs', server.url))).text()
    const sources = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string)
    expect(sources.length).toBeGreaterThan(3)
    for (const source of [...sources, '/docs/assets/start.js']) {
      expect(source).toStartWith('/docs/assets/')
      const response = await fetch(new URL(source, server.url))
      expect([source, response.status]).toEqual([source, 200])
      expect(response.headers.get('content-type')).toMatch(/^(text|image)\//)
      expect((await response.bytes()).length).toBeGreaterThan(50)
    }
  })

  test('may load nothing from elsewhere and stand in no frame', async () => {
    const policy = (await fetch(new URL('/docs', server.url))).headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
  })

  test('serves no other file of the package', async () => {
    for (const name of ['package.json', '..%2fpackage.json', 'swagger-ui.js', 'toString', '__proto__']) {
      expect((await fetch(new URL(`/docs/assets/${name}`, server.url))).status).toBe(404)
    }
  })
})
