import { Type } from '@sinclair/typebox'
import { type TSchema, t } from 'elysia'

// The fields that several flows' bodies, queries and answers have in common.

/** For objects that refuse what they do not know. */
export const closed = { additionalProperties: false } as const

/** The query of a route that takes none. */
export const noQuery = t.Object({}, closed)

/** An id of ours as text. */
export const idPattern = /^[1-9]\d{0,14}$/

/** An id of ours as a number; Elysia's own numbers also take text. */
export const id = Type.Integer({ minimum: 1, maximum: 999_999_999_999_999 })

/** An id in a path: as text, because a number would take `1e3`. */
export const idParams = t.Object({
  id: t.String({ pattern: idPattern.source, description: 'Our id', error: 'Expected a whole number' }),
})

/** Which page of a table. */
export const pageNumber = t.String({
  pattern: '^[1-9]\\d{0,5}$',
  error: 'Expected a whole number from 1 to 999999',
  default: '1',
})

/** Rows of a page of a table. */
export const pageLimit = t.String({
  pattern: '^([1-9]\\d?|100)$',
  error: 'Expected a whole number from 1 to 100',
  default: '20',
})

/** A time as answers tell it. */
export const instant = t.String({ format: 'date-time' })

/** The same, or null, which the description tells the meaning of. */
export function orNull<Schema extends TSchema>(schema: Schema, description?: string) {
  return t.Union([schema, t.Null()], description === undefined ? {} : { description })
}
