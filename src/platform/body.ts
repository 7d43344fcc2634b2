import { AppError } from '../errors.ts'

/**
 * Reads whole bodies, counted while they come: `too_large` as soon as one is too long, `request_timeout` where it
 * does not come. A length that is announced is believed only to refuse: Bun cuts the body at it.
 */
export function createBodyReader({ bytesMax, msMax }: { bytesMax: number; msMax: number }) {
  // One timer for all bodies that are on their way: a timer for each was 8 % of the server's time at 5,000 a second.
  const reading = new Set<{ startedAt: number; refuse: (error: AppError) => void }>()
  let watch: Timer | undefined

  return async function readBody(request: Request): Promise<Uint8Array> {
    const announced = request.headers.get('content-length')
    if (announced !== null && Number(announced) > bytesMax) throw tooLarge()
    if (request.body === null) return new Uint8Array()
    return await inTime(announced === null ? readCounted(request.body) : request.bytes())
  }

  async function readCounted(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of stream) {
      length += chunk.length
      if (length > bytesMax) throw tooLarge()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  function inTime<T>(body: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, refuse) => {
      const entry = { startedAt: performance.now(), refuse }
      reading.add(entry)
      watch ??= setInterval(refuseSlow, msMax / 5)
      body.then(
        (bytes) => {
          reading.delete(entry)
          resolve(bytes)
        },
        (error: unknown) => {
          reading.delete(entry)
          refuse(isGone(error) ? gone() : error)
        },
      )
    })
  }

  function refuseSlow(): void {
    const limit = performance.now() - msMax
    for (const entry of reading) {
      if (entry.startedAt > limit) break
      reading.delete(entry)
      entry.refuse(new AppError('request_timeout', `The body did not come within ${msMax} ms`))
    }
    if (reading.size === 0) {
      clearInterval(watch)
      watch = undefined
    }
  }

  /** A sender who hung up in the middle: nobody is left to tell, and nothing here has failed. */
  function gone(): AppError {
    return new AppError('request_timeout', 'The sender went away before the whole body had come')
  }

  function isGone(error: unknown): boolean {
    return error instanceof Error && error.name === 'AbortError'
  }

  function tooLarge(): AppError {
    return new AppError('too_large', `A body has at most ${bytesMax} bytes here`)
  }
}
