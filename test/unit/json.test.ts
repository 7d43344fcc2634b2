import { expect, test } from 'bun:test'
import { jsonBodyLevelsMax } from '../../src/limits.ts'
import { refuseUncheckable } from '../../src/platform/json.ts'

const look = (json: string) => () => refuseUncheckable(Buffer.from(json))
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

test('a body may be as deep as it may, and no deeper', () => {
  expect(look(nested(jsonBodyLevelsMax))).not.toThrow()
  expect(look(nested(jsonBodyLevelsMax + 1))).toThrow('Expected at most 32 levels')
  expect(look('{"a":'.repeat(jsonBodyLevelsMax + 1))).toThrow('Expected at most 32 levels')
})

test('what is beside each other is not deep, nor what stands in a text', () => {
  expect(look(`[${Array(1_000).fill('{"a":[]}').join(',')}]`)).not.toThrow()
  expect(look(JSON.stringify({ a: '[{'.repeat(1_000), b: '\\"[[['.repeat(100), 'c"[[': '\\' }))).not.toThrow()
})

test('a member __proto__ is refused however it is written and wherever it stands', () => {
  for (const json of [
    '{"__proto__":1}',
    '{"__proto__" \r\n\t: {}}',
    '{"a":[{"b":"\\"","__proto__":{}}]}',
    '{"\\u005f_proto__":1}',
    '{"_\\u005Fproto__":1}',
    '{"__pr\\u006fto__":1}',
    '{"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f":1}',
  ]) {
    expect(Object.keys(JSON.parse(json))).not.toEqual([])
    expect(look(json)).toThrow('Expected no member __proto__')
  }
})

test('a text that is no name may say __proto__, and a name may be like it', () => {
  for (const json of [
    '{"a":"__proto__"}',
    '["__proto__"]',
    '{"__proto":1,"_proto__":2,"__proto___":3,"\\u005f":4}',
    '{"\\\\u005f_proto__":1}',
  ]) {
    expect(() => JSON.parse(json)).not.toThrow()
    expect(look(json)).not.toThrow()
  }
})

test('what is no JSON is left to the parser', () => {
  for (const json of ['', '"', '"\\', '{"', '__proto__', '"\\u00"', '"\\x":', ']]]]', '\0', '"__proto__"']) {
    expect(look(json)).not.toThrow()
  }
})
