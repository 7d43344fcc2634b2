import { expect, test } from 'bun:test'
import type { EventOrder } from '../../src/admin/calls.ts'
import { cellOf, csvOf } from '../../src/admin/csv.ts'

const order = (id: number): EventOrder => ({
  id,
  userId: 7,
  email: 'ann@example.com',
  status: 'PAID',
  items: '2 x General; 1 x VIP',
  unitCount: 3,
  totalCents: 5000,
  paidCents: 5000,
  currency: 'EUR',
  expiresAt: null,
  createdAt: '2026-11-01T12:00:00.000Z',
  updatedAt: '2026-11-01T12:00:00.000Z',
})

test('text that begins like a formula begins with an apostrophe', () => {
  for (const first of ['=', '+', '-', '@', '\t']) expect(cellOf(`${first}1`)).toBe(`'${first}1`)
  expect(cellOf('\r1')).toBe('"\'\r1"')
  expect(cellOf('=HYPERLINK("http://x","y")')).toBe('"\'=HYPERLINK(""http://x"",""y"")"')
})

test('what would end a cell is in quotes', () => {
  expect(['a,b', 'a;b', 'a"b', 'a\nb', 'a\r\nb'].map(cellOf)).toEqual([
    '"a,b"',
    '"a;b"',
    '"a""b"',
    '"a\nb"',
    '"a\r\nb"',
  ])
})

test('numbers stay numbers, nothing stays empty', () => {
  expect([cellOf(-5), cellOf(null), cellOf('')]).toEqual(['-5', '', ''])
})

test('pages follow each other, read only as they are taken', async () => {
  const asked: number[] = []
  const stream = csvOf([order(1), order(2)], {
    pageRows: 2,
    pageAfter: async (afterId) => {
      asked.push(afterId)
      return afterId === 2 ? [order(3), order(4)] : []
    },
  })
  expect(asked).toEqual([])
  const lines = (await new Response(stream).text()).split('\r\n')
  expect(lines[0]).toBe(
    'id,user_id,email,status,items,unit_count,total_cents,paid_cents,currency,expires_at,created_at,updated_at',
  )
  expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(['1', '2', '3', '4', ''])
  expect(lines[1]).toContain(',"2 x General; 1 x VIP",')
  expect(asked).toEqual([2, 4])
})

test('an event without orders is a header', async () => {
  const stream = csvOf([], { pageRows: 2, pageAfter: () => Promise.reject(new Error('Not asked')) })
  expect((await new Response(stream).text()).split('\r\n')).toHaveLength(2)
})
