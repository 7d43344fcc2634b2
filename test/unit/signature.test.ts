import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { isSigned } from '../../src/intake/signature.ts'

const body = new TextEncoder().encode('{"id":820982911946154508,"note":"a \\u003c b"}')
const sign = (secret: string, of: Uint8Array = body) =>
  createHmac('sha256', secret).update(of).digest('base64')

test('the signature of the body under the secret is one', () => {
  expect(isSigned(body, sign('current'), ['current'])).toBe(true)
})

test('the known answer of RFC 4231 is one', () => {
  const known = new TextEncoder().encode('what do ya want for nothing?')
  expect(isSigned(known, 'W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=', ['Jefe'])).toBe(true)
})

test('any of several secrets will do, wherever it stands', () => {
  for (const secret of ['new', 'current', 'old']) {
    expect(isSigned(body, sign(secret), ['new', 'current', 'old'])).toBe(true)
  }
})

test('an empty body can be signed', () => {
  const empty = new Uint8Array()
  expect(isSigned(empty, sign('current', empty), ['current'])).toBe(true)
})

for (const [sentence, signature] of [
  ['none', null],
  ['an empty one', ''],
  ['one of another secret', sign('other')],
  ['one of another body', sign('current', body.slice(1))],
  ['a cut one', sign('current').slice(0, -4)],
  ['one with more behind it', `${sign('current').replace('=', '')}AAAA`],
  ['one in hexadecimal', createHmac('sha256', 'current').update(body).digest('hex')],
  ['no base64', '!'.repeat(44)],
  ['the digest of nothing', Buffer.alloc(32).toString('base64')],
] as const) {
  test(`${sentence} is no signature`, () => {
    expect(isSigned(body, signature, ['current'])).toBe(false)
  })
}

test('without a secret nothing is signed', () => {
  expect(isSigned(body, sign(''), [])).toBe(false)
  expect(isSigned(body, sign('current'), [])).toBe(false)
})

test('one changed bit of the body is found', () => {
  const signature = sign('current')
  for (const at of [0, 20, body.length - 1]) {
    const changed = body.slice()
    changed[at]! ^= 1
    expect(isSigned(changed, signature, ['current'])).toBe(false)
  }
})
