/** An answer of a running server, to be given again by a server that does nothing else. */
export type ModelAnswer = {
  status: 200 | 304
  /** Every header but those that each server makes for itself. */
  headers: Record<string, string>
  /** Null: a 304. A Blob, because a Response does not copy it: the limits shall be as fast as they can. */
  body: Blob | null
}

/**
 * Asks a server until its answer is a hit, in the encoding that the generator gets. Throws where it answers otherwise
 * than with the status.
 */
export async function readModelAnswer(url: string, status: 200 | 304): Promise<ModelAnswer> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  const first = await fetch(url, { headers })
  await first.bytes()
  if (status === 304) headers['if-none-match'] = first.headers.get('etag') ?? ''
  const answer = await fetch(url, { headers })
  const bytes = await answer.bytes()
  if (answer.status !== status) throw new Error(`${url} answered ${answer.status}, not ${status}`)
  return {
    status,
    headers: Object.fromEntries([...answer.headers].filter(([name]) => !ownHeaders.has(name))),
    body: status === 304 ? null : new Blob([bytes]),
  }
}

const ownHeaders = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'])
