import type { ValidationError } from 'elysia'
import { AppError, type Fault, refusalOfFaults } from '../errors.ts'

/** A failed schema as the answer to the client: every fault, each with where it is and what was wanted. */
export function refusalOf(error: ValidationError): AppError {
  const part = parts[error.type]
  // An answer of our own that does not fit its schema is no fault of the request.
  if (part === undefined)
    return new AppError('internal', 'The request failed on our side and was logged', { cause: error })
  return refusalOfFaults(part.code, faultsOf(error, part.prefix))
}

const parts: Record<string, { code: 'bad_request' | 'validation_failed'; prefix: string }> = {
  body: { code: 'validation_failed', prefix: '' },
  query: { code: 'bad_request', prefix: 'query' },
  params: { code: 'bad_request', prefix: 'path' },
  headers: { code: 'bad_request', prefix: 'header' },
  cookie: { code: 'bad_request', prefix: 'cookie' },
}

/** What is read of a fault of TypeBox. */
type SchemaFault = {
  path: string
  message: string
  schema?: { error?: unknown; enum?: unknown[] }
  errors?: Iterable<SchemaFault>[]
}

/** One fault a path: TypeBox tells of a missing field twice, as missing and as of the wrong type. */
function faultsOf(error: ValidationError, prefix: string): Fault[] {
  const faults = new Map<string, string>()
  for (const fault of error.all as SchemaFault[]) {
    const path = prefix === '' ? fault.path || '/' : `${prefix}${fault.path.replaceAll('/', '.')}`
    if (!faults.has(path)) faults.set(path, messageOf(fault))
  }
  return [...faults].map(([path, message]) => ({ path, message }))
}

function messageOf({ message, schema, errors }: SchemaFault): string {
  if (typeof schema?.error === 'string') return schema.error
  if (schema?.enum) return `Expected one of ${schema.enum.join(', ')}`
  if (!errors || errors.length === 0) return message
  // A union says only that none of its variants fits; what each wanted is more use.
  const wanted = errors.flatMap((variant) => [...variant].slice(0, 1).map((fault) => messageOf(fault)))
  // Elysia adds a text variant to numbers and booleans; it is not what the client should send.
  const shown = wanted.filter(
    (sentence) => !/^Expected string to match '(integer|numeric|boolean)' format$/.test(sentence),
  )
  return shown
    .map((sentence, index) => (index === 0 ? sentence : sentence.replace(/^Expected /, '')))
    .join(' or ')
}
