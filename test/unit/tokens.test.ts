import { expect, test } from 'bun:test'
import { createTokens } from '../../src/accounts/tokens.ts'
import { tokenLifeS } from '../../src/limits.ts'

const claims = { userId: 7, role: 'USER' as const, tokenGeneration: 3 }

test('a token that was read before is over when its hour is, and not a moment later', async () => {
  const tokens = createTokens(['a secret of more than 32 characters'])
  const token = await tokens.sign(claims)
  const nowMs = Date.now()
  const after = (seconds: number) => tokens.read(token, { nowMs: nowMs + seconds * 1_000 })
  expect(await after(0)).toEqual(claims)
  expect(await after(tokenLifeS - 2)).toEqual(claims)
  expect(await after(tokenLifeS + 1)).toBeNull()
  expect(await createTokens(['another secret of more than 32 characters']).read(token)).toBeNull()
})

test('a token of which one character is another is none, also when the right one was read before', async () => {
  const tokens = createTokens(['a secret of more than 32 characters'])
  const token = await tokens.sign(claims)
  expect(await tokens.read(token)).toEqual(claims)
  for (const at of [5, token.indexOf('.') + 5, token.length - 5]) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    expect(await tokens.read(changed)).toBeNull()
  }
})
