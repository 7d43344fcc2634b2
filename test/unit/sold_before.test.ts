import { expect, test } from 'bun:test'
import { readSoldBefore } from '../../src/shopify/sold_before.ts'

test('figures are read from lines with or without a heading, and from JSON', () => {
  const wanted = [
    { variantId: '4711', units: 120 },
    { variantId: '820982911946154508', units: 0 },
  ]
  expect(readSoldBefore('4711,120\n820982911946154508,0\n')).toEqual(wanted)
  expect(readSoldBefore('variant_id;units\r\n4711;120\r\n\r\n820982911946154508;0')).toEqual(wanted)
  expect(readSoldBefore('gid://shopify/ProductVariant/4711\t120\n820982911946154508\t0')).toEqual(wanted)
  expect(readSoldBefore('{"4711": 120, "820982911946154508": 0}')).toEqual(wanted)
  expect(readSoldBefore('')).toEqual([])
})

test('what is none is refused by its line', () => {
  const refusals = [
    ['4711,120\n4712', 'at line 2'],
    ['4711,-1', 'at line 1'],
    ['4711,1.5', 'at line 1'],
    ['4711,1,2', 'at line 1'],
    ['ticket,120', 'at line 1'],
    ['{"4711": "many"}', 'at "4711"'],
    ['{"4711": 1', 'a JSON object'],
    ['4711,1\n4711,2', '4711 is there twice'],
  ] as const
  for (const [text, reason] of refusals) expect(() => readSoldBefore(text)).toThrow(reason)
})
