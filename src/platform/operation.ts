import type { TSchema } from '@sinclair/typebox'
import type { DocumentDecoration } from 'elysia'
import type { ErrorCode } from '../errors.ts'

/**
 * Who may call a route: everybody; whoever has the link, whose last part or key nobody can guess; whoever knows the secret
 * that signs the body; somebody logged in; an admin; an admin or a key with the scope `checkin`. What it means is proven of every route by test/http/access.test.ts.
 */
export type Access = 'public' | 'link' | 'signed' | 'user' | 'admin' | 'doorkeeper'

/** How a caller shows that he may, and what he is told where he does not. */
const rules: Record<Access, { hasLogin: boolean; errors: readonly ErrorCode[] }> = {
  public: { hasLogin: false, errors: [] },
  link: { hasLogin: false, errors: ['not_found'] },
  signed: { hasLogin: false, errors: ['bad_signature'] },
  user: { hasLogin: true, errors: ['unauthorized', 'forbidden'] },
  admin: { hasLogin: true, errors: ['unauthorized', 'forbidden'] },
  doorkeeper: { hasLogin: true, errors: ['unauthorized', 'forbidden'] },
}

/** What the documentation says of one answer. */
export type DocumentedAnswer = {
  description?: string
  schema?: TSchema
  /** JSON by default. */
  contentType?: string
  /** Where the schema carries no `examples`. */
  example?: unknown
}

/** A header of the successful answers, beside those that every answer has. */
export type DocumentedHeader = { description: string; example: string }

/** What a route says of itself beyond what its schemas say. */
export type Operation = Omit<DocumentDecoration, 'security'> & {
  access: Access
  tags: string[]
  summary: string
  description: string
  /** Answers that are no problem, by status, beside those of `responses` and of the route's `response` schema. */
  answers?: Record<number, DocumentedAnswer>
  /** Codes it may refuse with, beside those of its access, `bad_request`, `internal` and those of every JSON body. */
  errors?: readonly ErrorCode[]
  headers?: Record<string, DocumentedHeader>
  /** What a path's `*` stands for, as the documentation shows it. */
  wildcard?: string
}

/** Where the documentation finds what OpenAPI has no word for; it is not shown as such. */
export const operationKey = 'x-onsale'

/** The `detail` of a route; /openapi.json writes out what it implies. */
export function operation({
  access,
  answers,
  errors = [],
  headers,
  wildcard,
  ...detail
}: Operation): DocumentDecoration {
  const rule = rules[access]
  return {
    ...detail,
    ...(rule.hasLogin && { security: [{ bearerAuth: [] }] }),
    [operationKey]: { access, answers, errors: [...rule.errors, ...errors], headers, wildcard },
  } as DocumentDecoration
}

/** Says that nobody may keep the answers: those of `uncached` and `done`. */
export const noStoreHeader = { 'Cache-Control': { description: 'Always `no-store`', example: 'no-store' } }
