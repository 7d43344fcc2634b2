import { refusalOfFaults } from '../errors.ts'

/** What a client may name a request by, to send it again without having it done twice. */
export const clientTokenCharsMax = 128
export const clientTokenPattern = '^[\\x21-\\x7e]+$'

/** The token in the header Idempotency-Key; null where there is none. Refuses as `bad_request`. */
export function idempotencyKeyOf(headers: Headers): string | null {
  const key = headers.get('idempotency-key')
  if (key === null || (isToken.test(key) && key.length <= clientTokenCharsMax)) return key
  throw refusalOfFaults('bad_request', [
    {
      path: 'header.idempotency-key',
      message: `Expected 1 to ${clientTokenCharsMax} visible ASCII characters`,
    },
  ])
}

const isToken = new RegExp(clientTokenPattern)

/** The header as the documentation shows it. */
export function idempotencyKeyHeader(description: string) {
  return {
    name: 'idempotency-key',
    in: 'header' as const,
    required: false,
    description,
    schema: { type: 'string' as const, maxLength: clientTokenCharsMax },
  }
}
