import { t } from 'elysia'
import {
  apiKeyNameCharsMax,
  emailCharsMax,
  passwordCharsMax,
  passwordCharsMin,
  passwordSentCharsMax,
} from '../limits.ts'
import { closed, instant, orNull } from '../platform/fields.ts'

/** What a key for a machine may be allowed. */
export const scopes = ['checkin'] as const
export type Scope = (typeof scopes)[number]

const id = t.Integer({ minimum: 1 })
const role = t.Union([t.Literal('USER'), t.Literal('ADMIN')])
const email = t.String({
  maxLength: emailCharsMax,
  description: 'Trimmed, its domain in lower case; in another case it is the same address',
})
const password = t.String({ minLength: 1, maxLength: passwordSentCharsMax })
const newPassword = t.String({
  minLength: 1,
  maxLength: passwordSentCharsMax,
  description: `${passwordCharsMin} to ${passwordCharsMax} characters after Unicode normalisation (NFC), not one of the most common`,
})

export const signupBody = t.Object(
  { email, password: newPassword },
  { ...closed, examples: [{ email: 'ann@example.com', password: 'a sentence about otters' }] },
)

export const loginBody = t.Object(
  { email, password },
  { ...closed, examples: [{ email: 'ann@example.com', password: 'a sentence about otters' }] },
)

export const passwordBody = t.Object(
  { old_password: password, new_password: newPassword },
  {
    ...closed,
    examples: [{ old_password: 'a sentence about otters', new_password: 'another one about herons' }],
  },
)

export const userAnswer = t.Object(
  { id, email: t.String(), role },
  { examples: [{ id: 7, email: 'ann@example.com', role: 'USER' }] },
)

export const tokenAnswer = t.Object(
  {
    access_token: t.String({ description: 'Send it as `Authorization: Bearer …`' }),
    token_type: t.Literal('bearer'),
    expires_in: t.Integer({ description: 'Seconds' }),
    role,
  },
  {
    examples: [
      { access_token: 'eyJhbGciOiJIUzI1NiIs…', token_type: 'bearer', expires_in: 3600, role: 'USER' },
    ],
  },
)

const scopeList = t.Array(
  t.Union(
    scopes.map((scope) => t.Literal(scope)),
    { error: `Expected one of ${scopes.join(', ')}` },
  ),
  { minItems: 1, maxItems: scopes.length, uniqueItems: true },
)
const keyName = t.String({
  minLength: 1,
  maxLength: apiKeyNameCharsMax,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  description: 'What you know it by',
})

export const apiKeyBody = t.Object(
  { name: keyName, scopes: scopeList },
  { ...closed, examples: [{ name: 'Scanner at the north gate', scopes: ['checkin'] }] },
)

export const newApiKeyAnswer = t.Object(
  {
    id,
    name: t.String(),
    scopes: scopeList,
    key: t.String({ description: 'Shown here and never again. Send it as `Authorization: Bearer …`' }),
  },
  {
    examples: [{ id: 3, name: 'Scanner at the north gate', scopes: ['checkin'], key: 'onsale_…' }],
  },
)

export const apiKeyListAnswer = t.Object(
  {
    api_keys: t.Array(
      t.Object({
        id,
        name: t.String(),
        scopes: t.Array(t.String()),
        created_by: t.Integer({ description: 'Id of the user' }),
        created_at: instant,
        used_at: orNull(instant, 'To the minute; null: never'),
        revoked_at: orNull(instant),
      }),
    ),
  },
  {
    examples: [
      {
        api_keys: [
          {
            id: 3,
            name: 'Scanner at the north gate',
            scopes: ['checkin'],
            created_by: 7,
            created_at: '2026-12-01T19:00:00.000Z',
            used_at: null,
            revoked_at: null,
          },
        ],
      },
    ],
  },
)

export const apiKeyParams = t.Object({
  id: t.String({
    pattern: '^[1-9][0-9]{0,14}$',
    error: 'Expected a whole number from 1',
    description: 'Id of the key',
    examples: ['3'],
  }),
})
