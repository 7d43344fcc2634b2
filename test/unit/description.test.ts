import { expect, test } from 'bun:test'
import { descriptionOf } from '../../src/intake/description.ts'

const of = (body_html: unknown) => descriptionOf(Buffer.from(JSON.stringify({ id: 1, body_html })))

test('a small set of tags stays', () => {
  const html = '<p>An <strong>evening</strong> with <em>strings</em><br />and</p><ul><li>one</li></ul>'
  expect(of(html)).toBe(html)
})

test('a link stays, and is not followed by search engines nor given a window of ours', () => {
  expect(of('<a href="https://example.com/x" title="t" target="_blank">x</a>')).toBe(
    '<a href="https://example.com/x" title="t" rel="nofollow noopener">x</a>',
  )
})

for (const [sentence, html] of [
  ['a script', '<script>alert(1)</script>'],
  ['a handler', '<p onclick="alert(1)">x</p>'],
  ['an address that runs', '<a href="javascript:alert(1)">x</a>'],
  ['an address that runs, disguised', '<a href="java\tscript:alert(1)">x</a>'],
  ['an image that fails', '<img src=x onerror=alert(1)>'],
  ['a style', '<p style="background:url(javascript:alert(1))">x</p>'],
  ['an iframe', '<iframe src="https://evil.example"></iframe>'],
  ['an svg', '<svg><script>alert(1)</script></svg>'],
  ['half a tag', '<p>x<img src=x onerror=alert(1) '],
  ['a comment trick', '<!--><script>alert(1)</script>-->'],
] as const) {
  test(`${sentence} does not come through`, () => {
    expect(of(html) ?? '').not.toMatch(/script|onclick|onerror|style|iframe|svg/i)
  })
}

test('nothing, an empty text and what is no text are nothing', () => {
  expect([of(null), of(''), of(7), of(undefined)]).toEqual([null, null, null, null])
})

test('a body that is no JSON has none, and raises nothing', () => {
  for (const body of ['', '{', '[]', 'null', '"text"', `${'['.repeat(100_000)}`]) {
    expect(descriptionOf(Buffer.from(body))).toBeNull()
  }
  expect(descriptionOf(new Uint8Array([0xff, 0xfe]))).toBeNull()
})

test('the same text again has the same result', () => {
  expect(of('<p>again</p>')).toBe('<p>again</p>')
  expect(of('<p>again</p>')).toBe('<p>again</p>')
})
