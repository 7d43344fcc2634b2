// A bare Bun.serve that gives one answer to everything: the limit that cached reads are held against.
//
//   bun bench/limits/bare.ts <url> <200|304> <body|same|reading>      prints the port it listens on
//
// The answer is what <url> gives.
//   same      with all its headers, byte for byte but for Date
//   body      with Content-Type alone; a 304 with nothing
//   reading   as `same`, by a server that reads what any server of this answer must (the URL, three headers) and gives
//             each answer an id of its own

import { readModelAnswer } from './model_answer.ts'

const [url = '', status, variant] = process.argv.slice(2)
const { headers, body, status: answered } = await readModelAnswer(url, status === '304' ? 304 : 200)
const few = headers['content-type'] === undefined ? {} : { 'content-type': headers['content-type'] }
// Made once: the fastest way there is to give the same answer again and again by a function.
const init = { status: answered, headers: new Headers(variant === 'body' ? few : headers) }

const answer = () => new Response(body, init)

const paths = new Map<string, true>()
let number = 0

function readAndAnswer({ url, headers }: Request): Response {
  if (!paths.has(url)) paths.set(url, true)
  const given = headers.get('x-request-id')
  const isWanted = headers.get('if-none-match') !== null || headers.get('accept-encoding') !== ''
  init.headers.set('x-request-id', given ?? `bare-${number++}`)
  return isWanted ? new Response(body, init) : new Response(null, { status: 406 })
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  development: false,
  fetch: variant === 'reading' ? readAndAnswer : answer,
})
process.stdout.write(`${server.port}\n`)
