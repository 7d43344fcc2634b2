/** What a server answered; the status is whatever it is. */
export type Answer = { status: number; headers: Headers; text: string }

/**
 * Why there is no answer: `not_sent` (nobody was reached), `lost` (it may have been received), `too_large` (it was received,
 * and what comes back is more than we read).
 */
export type NoAnswerReason = 'not_sent' | 'lost' | 'too_large'

/** A request without an answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
  readonly reason: NoAnswerReason

  constructor(reason: NoAnswerReason, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * Sends a body and reads the answer, in `timeoutMs` altogether and at most `bytesMax` of it; follows no redirect. Throws a
 * NoAnswer. `isAlone` takes a new connection: on one that was kept, a request that met its closing looks like a lost one.
 */
export async function post(
  url: string,
  request: {
    headers: Record<string, string>
    body: string
    timeoutMs: number
    bytesMax: number
    isAlone: boolean
    signal?: AbortSignal | undefined
  },
): Promise<Answer> {
  const { headers, body, timeoutMs, bytesMax, isAlone, signal } = request
  const end = new AbortController()
  const signals = [end.signal, AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      keepalive: !isAlone,
      signal: AbortSignal.any(signals),
    })
    const text = await readText(response, bytesMax)
    return { status: response.status, headers: response.headers, text }
  } catch (error) {
    throw error instanceof NoAnswer ? error : noAnswer(error, { timeoutMs })
  } finally {
    // What was not read to its end would go on coming.
    end.abort()
  }
}

async function readText(response: Response, bytesMax: number): Promise<string> {
  if (Number(response.headers.get('content-length')) > bytesMax) throw tooLarge(bytesMax)
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > bytesMax) throw tooLarge(bytesMax)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function tooLarge(bytesMax: number): NoAnswer {
  return new NoAnswer('too_large', `The answer has more than ${bytesMax} bytes and was cut off`)
}

function noAnswer(cause: unknown, { timeoutMs }: { timeoutMs: number }): NoAnswer {
  const { name = '', code = '' } = cause as { name?: string; code?: unknown }
  if (name === 'TimeoutError') return new NoAnswer('lost', `No answer within ${timeoutMs} ms`, { cause })
  if (name === 'AbortError') return new NoAnswer('lost', 'Given up before the answer came', { cause })
  if (unsent.test(String(code))) return new NoAnswer('not_sent', `Could not connect (${code})`, { cause })
  return new NoAnswer('lost', `The connection was lost (${String(code) || name})`, { cause })
}

// Of names, addresses and certificates: whatever else happens, the request may have been received.
const unsent = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|.*CERT.*|UNABLE_TO_.*)$/
