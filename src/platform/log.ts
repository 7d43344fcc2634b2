import type { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import pino from 'pino'
import { logBacklogBytesMax, logBufferBytes, logFlushMs, logWriteOutMsMax } from '../limits.ts'

/** The process's logger: pino, plus the line of a request and a way to write out what is still buffered. */
export type Log = pino.Logger & {
  /** The line of an answered request, at level info. */
  request: (line: RequestLine) => void
  /** Writes every buffered line and waits for that, a bounded time; call it last at shutdown. */
  writeOut: () => Promise<void>
}

/** What is logged of a request: never a body, a header or a query. */
export type RequestLine = {
  /** Matches `^[A-Za-z0-9._-]{1,128}$`. */
  requestId: string
  /** By `subjectOf`. */
  subject: string
  status: number
  ms: number
}

/**
 * What a request is about, in the form of its line, so that it is made once for many requests. `route` is a pattern,
 * or `other`; `path` is as the URL has it: percent-encoded, without its query.
 */
export function subjectOf({ method, route, path }: { method: string; route: string; path: string }): string {
  // Bun escapes quotes and controls in URLs; a method is a token; a path may be 16 kB.
  return flat('","method":"', method, '","route":"', route, '","path":"', path.slice(0, 256), '","status":')
}

/** Where lines go; the process's standard output unless a test looks at them. */
export type LogDestination = { write: (line: string) => void }

/**
 * One JSON object a line. Secrets are redacted by name as a second wall: the first is that nobody logs a body
 * or a header.
 */
export function createLog(options: { level: string; destination?: LogDestination }): Log {
  const { level, destination } = options
  const output = destination ? { ...destination, writeOut: async () => {} } : openLogOutput()
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[redacted]' },
      serializers: { err: describeError },
    },
    output,
  )
  const request = log.isLevelEnabled('info') ? requestWriter(output) : () => {}
  return Object.assign(log, { request, writeOut: output.writeOut })
}

/**
 * The request's line, made by hand because it is written for every cached read: 0.4 µs, where pino takes 4 µs
 * with these six fields and 6 µs with redaction (a whole cached read takes 8). Same shape as pino's lines.
 */
function requestWriter(output: LogDestination): (line: RequestLine) => void {
  const head = `","pid":${process.pid},"request_id":"`
  let nowMs = 0
  let now = ''
  return ({ requestId, subject, status, ms }) => {
    const time = Date.now()
    if (time !== nowMs) {
      nowMs = time
      now = flat('{"level":"info","time":"', new Date(time).toISOString(), head)
    }
    output.write(
      `${now}${requestId}${subject}${statusTexts[status]}${millisecondsText(ms)},"msg":"request"}\n`,
    )
  }
}

// Making text of a number costs as much as the rest of the line. Most answers take less than a millisecond.
const statusTexts = Array.from({ length: 600 }, (_, status) => flat(String(status), ',"ms":'))
const thousandths = Array.from({ length: 1_000 }, (_, us) => String(us / 1_000))

/**
 * One text of several. What + and templates make is a tree of its pieces until somebody reads it, and a line would be
 * put together from the smallest pieces each time: 0.7 µs instead of 0.4.
 */
function flat(...pieces: string[]): string {
  return pieces.join('')
}

function millisecondsText(ms: number): string {
  const us = Math.round(ms * 1_000)
  return thousandths[us] ?? String(us / 1_000)
}

/**
 * Standard output, written in pieces of `logBufferBytes` and at the latest after `logFlushMs`, because a write a
 * line costs as much as a cached read. A reader that stands still loses lines instead of our memory.
 */
export function openLogOutput() {
  const stdout = pino.destination({
    dest: 1,
    sync: false,
    maxLength: logBacklogBytesMax,
    // Bytes are passed on as they are; of a text the length is taken twice and a copy made.
    contentMode: 'buffer',
  }) as unknown as EventEmitter & { write: (bytes: Buffer) => boolean }
  let pending = ''
  let timer: Timer | undefined
  let isWriting = false
  stdout.on('drain', () => {
    isWriting = false
  })
  process.on('exit', writeLast)
  return { write, writeOut }

  function write(line: string): void {
    pending += line
    if (pending.length >= logBufferBytes) passOn()
    else timer ??= setTimeout(passOn, logFlushMs).unref()
  }

  function passOn(): void {
    clearTimeout(timer)
    timer = undefined
    isWriting = true
    stdout.write(Buffer.from(pending))
    pending = ''
  }

  async function writeOut(): Promise<void> {
    if (pending !== '') passOn()
    if (!isWriting) return
    const written = new Promise((resolve) => stdout.once('drain', resolve))
    await Promise.race([written, Bun.sleep(logWriteOutMsMax)])
  }

  /** Where the process ends without having waited for `writeOut`: what can still be written at once. */
  function writeLast(): void {
    if (pending === '' || isWriting) return
    try {
      writeSync(1, pending)
    } catch {
      // Nobody reads any more.
    }
  }
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
