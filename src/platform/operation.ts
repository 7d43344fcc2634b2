import type { TSchema } from '@sinclair/typebox'
import type { DocumentDecoration } from 'elysia'
import type { ErrorCode } from '../errors.ts'

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

/** What the API's documentation says of a route beyond what its schemas say. */
export type Operation = DocumentDecoration & {
  tags: string[]
  summary: string
  description: string
  /** Answers that are no problem, by status, beside those of `responses` and of the route's `response` schema. */
  answers?: Record<number, DocumentedAnswer>
  /** Codes it may refuse with, beside `bad_request`, `internal` and those of every JSON body. */
  errors?: readonly ErrorCode[]
  headers?: Record<string, DocumentedHeader>
  /** What a path's `*` stands for, as the documentation shows it. */
  wildcard?: string
}

/** Where the documentation finds what OpenAPI has no word for; it is not shown as such. */
export const operationKey = 'x-onsale'

/** The `detail` of a route; /openapi.json writes out what it implies. */
export function operation({ answers, errors, headers, wildcard, ...detail }: Operation): DocumentDecoration {
  return { ...detail, [operationKey]: { answers, errors, headers, wildcard } } as DocumentDecoration
}
