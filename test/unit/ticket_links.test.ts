import { expect, test } from 'bun:test'
import { createTicketLinks } from '../../src/sales/ticket_links.ts'

const secret = 'a secret of more than 32 characters'
const other = 'another secret of more than 32 characters'

function keyOf(path: string): string {
  return new URL(path, 'http://onsale').searchParams.get('key') as string
}

test('a link has a key of 256 bits that fits its order alone', () => {
  const links = createTicketLinks([secret])
  const key = keyOf(links.pathOf(9))
  expect(links.pathOf(9)).toBe(`/orders/9/tickets?key=${key}`)
  expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(links.isKey(9, key)).toBe(true)
  expect(links.isKey(99, key)).toBe(false)
})

test('a key that differs anywhere, is cut, or longer, or nothing, does not fit', () => {
  const links = createTicketLinks([secret])
  const key = keyOf(links.pathOf(9))
  const last = key.at(-1) === 'A' ? 'B' : 'A'
  for (const wrong of [
    '',
    key.slice(1),
    key.slice(0, -1),
    `${key}A`,
    `${key}=`,
    key.slice(0, -1) + last,
    'é'.repeat(43),
  ]) {
    expect([wrong, links.isKey(9, wrong)]).toEqual([wrong, false])
  }
})

test('what was made with an older secret fits as long as that is among them', () => {
  const key = keyOf(createTicketLinks([secret]).pathOf(9))
  const rotated = createTicketLinks([other, secret])
  expect(rotated.isKey(9, key)).toBe(true)
  expect(rotated.isKey(9, keyOf(rotated.pathOf(9)))).toBe(true)
  expect(keyOf(rotated.pathOf(9))).toBe(keyOf(createTicketLinks([other]).pathOf(9)))
  expect(createTicketLinks([other]).isKey(9, key)).toBe(false)
})

test('without a secret there are no links', () => {
  expect(() => createTicketLinks([])).toThrow('need a secret')
})
