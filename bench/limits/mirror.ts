// A bare Bun.serve that answers every path with what the server of the argument answers there, ETag and 304 included:
// the limit that a mix of cached reads is held against. It asks once for each path and encoding.
//
//   bun bench/limits/mirror.ts <url>      prints the port it listens on

export {}

type Kept = { body: Blob; headers: Record<string, string>; etag: string }

const origin = process.argv[2] ?? ''
const kept = new Map<string, Kept>()

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  development: false,
  fetch(request) {
    const { url, headers } = request
    const path = url.slice(url.indexOf('/', 7))
    const known = kept.get(path)
    if (known === undefined) return ask(path, headers.get('accept-encoding') ?? 'identity')
    if (headers.get('if-none-match') === known.etag) {
      return new Response(null, { status: 304, headers: { etag: known.etag } })
    }
    return new Response(known.body, { headers: known.headers })
  },
})
process.stdout.write(`${server.port}\n`)

async function ask(path: string, encoding: string): Promise<Response> {
  const answer = await fetch(origin + path, { headers: { 'accept-encoding': encoding }, decompress: false })
  const bytes = new Uint8Array(await answer.arrayBuffer())
  if (!answer.ok) return new Response(bytes, { status: answer.status })
  const headers: Record<string, string> = {}
  for (const name of ['content-type', 'content-encoding', 'etag']) {
    const value = answer.headers.get(name)
    if (value !== null) headers[name] = value
  }
  kept.set(path, { body: new Blob([bytes]), headers, etag: headers.etag ?? '' })
  return new Response(bytes, { headers })
}
