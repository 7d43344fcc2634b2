import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { excerptOf } from '../../src/intake/excerpt.ts'
import { order } from '../deliveries.ts'

const bytes = (body: unknown) => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
const excerpt = (body: unknown, topic = 'orders/create') => excerptOf({ topic, body: bytes(body) })

const line = { id: 1, variant_id: 11, quantity: 2, current_quantity: 1 }

test('of an order what the mirror reads is left, and nothing of the customer but his id', () => {
  const body = order({
    lines: [
      { ...line, title: 'Rock “Night”', price_set: { shop_money: { amount: '25.00' } }, variant_id: null },
    ],
    note: 'Tür 7 {"id":9}',
    customer: { id: 7, email: 'ada@example.com', default_address: { id: 8 } },
  })
  expect(JSON.parse(excerpt(body)!)).toEqual({
    id: 500,
    created_at: '2026-11-01T12:00:00+01:00',
    updated_at: '2026-11-01T12:00:00+01:00',
    cancelled_at: null,
    closed_at: null,
    test: false,
    customer: { id: 7 },
    line_items: [{ ...line, variant_id: null }],
  })
})

test('what may be missing may be missing', () => {
  const { id, created_at } = order()
  expect(JSON.parse(excerpt({ id, created_at, line_items: [] })!)).toEqual({
    id,
    created_at,
    updated_at: null,
    cancelled_at: null,
    closed_at: null,
    test: null,
    customer: null,
    line_items: [],
  })
})

test('of a member that stands twice the last one counts, as it does for PostgreSQL', () => {
  const twice = JSON.stringify(order()).replace('{', '{"id":1,"customer":{"id":2},')
  expect(JSON.parse(excerpt(twice)!)).toMatchObject({ id: 500, customer: { id: 7500 } })
})

test('an excerpt is ASCII, whatever the body holds', () => {
  const text = excerpt(order({ note: 'Zoë 東京 🎸', lines: [{ ...line, title: '🎸' }] }))!
  expect(Buffer.byteLength(text)).toBe(text.length)
})

test('bodies of other topics go whole', () => {
  for (const topic of [
    'orders/delete',
    'orders/edited',
    'refunds/create',
    'products/update',
    'themes/publish',
  ]) {
    expect([topic, excerpt(order(), topic)]).toEqual([topic, null])
  }
})

// PostgreSQL takes or refuses these, each for its own reason.
for (const [what, body] of Object.entries({
  'no JSON': '{"id":',
  'an empty body': '',
  'a byte order mark': `\ufeff${JSON.stringify(order())}`,
  'a list': '[]',
  nothing: 'null',
  'an id beyond 2^53': JSON.stringify(order()).replace('"id":500', '"id":9007199254740993'),
  'an id of a line beyond 2^53': JSON.stringify(order({ lines: [line] })).replace(
    '"id":1,',
    '"id":9007199254740993,',
  ),
  'a variant beyond 2^53': order({ lines: [{ ...line, variant_id: 2 ** 53 }] }),
  'a customer beyond 2^53': order({ customer: { id: 2 ** 53 } }),
  'an id as text': { ...order(), id: '500' },
  'no id': { ...order(), id: null },
  'an id with a fraction': { ...order(), id: 1.5 },
  'a customer that is no object': order({ customer: 7 }),
  'a customer that is a list': order({ customer: [] }),
  'no created_at': { ...order(), created_at: undefined },
  'a created_at that is no instant': { ...order(), created_at: 'now' },
  'an updated_at that is no instant': order({ updated_at: 'infinity' }),
  'an updated_at with a quote in it': order({ updated_at: '2026-11-01T12:00:00"Z' }),
  'a closed_at that is a number': order({ closed_at: 7 }),
  'a test that is text': order({ test: 'true' }),
  'no list of lines': { ...order(), line_items: {} },
  'a line that is none': order({ lines: [7] }),
  'a line without quantity': order({ lines: [{ ...line, quantity: undefined }] }),
  'a line without current_quantity': order({ lines: [{ ...line, current_quantity: undefined }] }),
  'an escaped NUL': order({ note: '\0' }),
  'half a surrogate pair': JSON.stringify(order()).replace('{', '{"note":"\\uD83c",'),
})) {
  test(`${what}: the body goes whole`, () => {
    expect(excerpt(body)).toBeNull()
  })
}

const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text))
const ofAnOrder = fc.constantFrom(...Object.keys(order()), 'quantity', 'current_quantity', 'variant_id')
const members = fc.dictionary(fc.oneof(ofAnOrder, fc.string()), json)

test('an excerpt says what the body says, whatever else stands in it', () => {
  let excerpts = 0
  const odd = fc.dictionary(ofAnOrder, json, { maxKeys: 1 })
  fc.assert(
    fc.property(members, odd, odd, (others, oddOfOrder, oddOfLine) => {
      const lines = [{ ...others, ...line, ...oddOfLine }]
      const body: Record<string, unknown> = { ...others, ...order({ lines }), ...oddOfOrder }
      const text = excerpt(body)
      if (text === null) return
      excerpts++
      const { customer, line_items, ...rest } = JSON.parse(text)
      for (const [name, value] of Object.entries(rest)) expect(value).toEqual(body[name] ?? null)
      expect(customer?.id ?? null).toEqual((body.customer as { id?: unknown } | null)?.id ?? null)
      const wanted = body.line_items as Record<string, unknown>[]
      expect(line_items).toHaveLength(wanted.length)
      for (const [nth, entry] of line_items.entries())
        expect({ variant_id: null, ...wanted[nth] }).toMatchObject(entry)
    }),
    { numRuns: 2_000 },
  )
  expect(excerpts).toBeGreaterThan(200)
})
