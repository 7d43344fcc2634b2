// A bare Bun.serve that answers every request with the bytes of one URL: the limit that a cached read is held against.
//
//   bun bench/bare.ts <url>      prints the port it listens on

export {}

const answer = await fetch(process.argv[2] ?? '')
const bytes = await answer.bytes()
const headers = { 'content-type': answer.headers.get('content-type') ?? 'application/json' }
const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(bytes, { headers }) })
process.stdout.write(`${server.port}\n`)
