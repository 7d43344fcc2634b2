import pino from 'pino'
import { logBufferBytes, logFlushMs } from '../limits.ts'

/** The process's logger: pino, plus a way to write out what is still buffered. */
export type Log = pino.Logger & {
  /** Writes every buffered line now; call it last at shutdown. */
  writeOut: () => void
}

/** Where lines go; the process's standard output unless a test looks at them. */
export type LogDestination = { write: (line: string) => void }

/**
 * One JSON object a line. Lines are buffered and written in one go (a write a line costs as much as a cached
 * read), at the latest after `logFlushMs`. Secrets are redacted by name as a second wall: the first is that
 * nobody logs a body or a header.
 */
export function createLog(options: { level: string; destination?: LogDestination }): Log {
  const { level, destination } = options
  const buffered = destination
    ? null
    : pino.destination({ dest: 1, sync: false, minLength: logBufferBytes, periodicFlush: logFlushMs })
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[redacted]' },
      serializers: { err: describeError },
    },
    destination ?? buffered!,
  )
  return Object.assign(log, { writeOut: () => buffered?.flushSync() })
}

const secretNames = [
  'password',
  'secret',
  'token',
  'access_token',
  'authorization',
  'cookie',
  'signature',
  'body',
]
const secretPaths = secretNames.flatMap((name) => [name, `*.${name}`])

/**
 * What of an error may be logged. PostgreSQL's `detail` and `where` quote the data at fault, which may be a
 * customer's, so they stay out; its message is cut because it quotes single values.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error).slice(0, 500) }
  const fields = error as Error & Record<string, unknown>
  const known: Record<string, unknown> = {
    type: error.name,
    message: error.message.slice(0, 500),
    stack: error.stack?.slice(0, 4000),
  }
  for (const name of ['code', 'routine', 'schema_name', 'table_name', 'constraint_name']) {
    if (typeof fields[name] === 'string') known[name] = fields[name]
  }
  if (error.cause !== undefined) known.cause = describeError(error.cause)
  return known
}
