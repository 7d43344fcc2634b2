import { AppError } from '../errors.ts'

/**
 * The whole body, counted while it comes: `too_large` as soon as it is too long, `request_timeout` when it does
 * not come. A length that is announced is believed only to refuse: Bun cuts the body at it.
 */
export async function readBody(
  request: Request,
  { bytesMax, msMax }: { bytesMax: number; msMax: number },
): Promise<Uint8Array> {
  const tooLarge = () => new AppError('too_large', `A body has at most ${bytesMax} bytes here`)
  const announced = request.headers.get('content-length')
  if (announced !== null && Number(announced) > bytesMax) throw tooLarge()
  if (request.body === null) return new Uint8Array()

  let timer: Timer | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AppError('request_timeout', `The body did not come within ${msMax} ms`)),
      msMax,
    )
  })
  try {
    const reading = announced === null ? readCounted(request.body) : request.bytes()
    return await Promise.race([reading, deadline])
  } finally {
    clearTimeout(timer)
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
}
