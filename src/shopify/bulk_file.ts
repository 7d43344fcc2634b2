import { syncLineBytesMax, syncSilenceMsMax } from '../limits.ts'
import { BulkFailed } from './bulk.ts'

/** A line of a file with the bytes that it takes there, its end included. Null: longer than any record, and not kept. */
export type Line = { text: string | null; bytes: number }

/** The file broke off, or was not to be had now: what comes behind the last line can be asked for again. */
export class FileBroken extends Error {
  override name = 'FileBroken'
}

/**
 * Whether the file of a bulk operation may be fetched there: by https, or by http from this machine, where tests serve it. What the
 * answer of a server names is not ours to trust, and so no token is sent there either.
 */
export function isFileUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isHere = hostname === '127.0.0.1' || hostname === 'localhost'
  return (protocol === 'https:' || (protocol === 'http:' && isHere)) && username + password === ''
}

/**
 * The lines of a file behind its first `offset` bytes, as they come: never more of them in memory than one piece of the network
 * holds, and one line. Throws a FileBroken before the end of `bytes`, a BulkFailed where there is no use in asking again.
 */
export async function* readLines(
  url: string,
  {
    offset,
    bytes,
    signal,
    silenceMsMax = syncSilenceMsMax,
  }: { offset: number; bytes: number; signal: AbortSignal; silenceMsMax?: number },
): AsyncGenerator<Line[]> {
  if (!isFileUrl(url)) throw new BulkFailed('The file of the bulk operation is where nothing is fetched from')
  const end = new AbortController()
  let silence = setTimeout(() => end.abort(), silenceMsMax)
  const heard = () => {
    clearTimeout(silence)
    silence = setTimeout(() => end.abort(), silenceMsMax)
  }
  try {
    const response = await ask(url, { offset, signal: AbortSignal.any([signal, end.signal]) })
    const lines = createSplitter()
    let skip = response.status === 206 ? 0 : offset
    let at = offset - skip
    for await (const chunk of response.body ?? []) {
      heard()
      at += chunk.length
      if (at > bytes)
        throw new BulkFailed(
          `The file of the bulk operation is longer than the ${bytes} bytes it should have`,
        )
      const rest = chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - rest.length
      const complete = lines.take(rest)
      if (complete.length > 0) yield complete
      // Whoever takes the lines may take his time.
      heard()
    }
    if (at < bytes) throw new FileBroken(`The file broke off after ${at} of ${bytes} bytes`)
    const last = lines.rest()
    if (last !== null) yield [last]
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BulkFailed || error instanceof FileBroken) throw error
    throw new FileBroken('The connection to the file was lost', { cause: error })
  } finally {
    clearTimeout(silence)
    // What was not read to its end would go on coming.
    end.abort()
  }
}

async function ask(
  url: string,
  { offset, signal }: { offset: number; signal: AbortSignal },
): Promise<Response> {
  const response = await fetch(url, {
    // Bytes are counted as they are stored.
    headers: { 'Accept-Encoding': 'identity', ...(offset > 0 ? { Range: `bytes=${offset}-` } : {}) },
    redirect: 'manual',
    signal,
  })
  const { status } = response
  if (status === 200 || (status === 206 && offset > 0)) return response
  if (status >= 300 && status < 400)
    throw new BulkFailed(`The file of the bulk operation is elsewhere (${status})`)
  throw new FileBroken(`The file is not to be had (${status})`)
}

/** Cuts what comes at the ends of lines. */
function createSplitter() {
  const decoder = new TextDecoder()
  let kept: Uint8Array[] = []
  let length = 0

  return {
    take(chunk: Uint8Array): Line[] {
      const lines: Line[] = []
      let from = 0
      for (let to = chunk.indexOf(newline); to >= 0; to = chunk.indexOf(newline, from)) {
        keep(chunk.subarray(from, to))
        lines.push(cut(1))
        from = to + 1
      }
      keep(chunk.subarray(from))
      return lines
    },
    rest: (): Line | null => (length === 0 ? null : cut(0)),
  }

  function keep(part: Uint8Array): void {
    length += part.length
    if (length > syncLineBytesMax) kept = []
    else if (part.length > 0) kept.push(part)
  }

  function cut(endBytes: number): Line {
    const [only] = kept
    const whole = kept.length === 1 && only !== undefined ? only : Buffer.concat(kept)
    const text = length > syncLineBytesMax ? null : decoder.decode(whole)
    const line = { text, bytes: length + endBytes }
    kept = []
    length = 0
    return line
  }
}

const newline = 10
