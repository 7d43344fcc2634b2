// A bare Bun.serve that reads what it is sent and counts it: what no answer to a webhook can be quicker than.
//
//   bun bench/limits/counter.ts [url]      prints the port it listens on
//
// With the URL of a database each request is counted in one row there, and answered after the commit: the least that an answer
// after the commit can be. Without, it is counted in memory.

import { openPool } from '../../src/platform/database.ts'

const [url] = process.argv.slice(2)
const count = url === undefined ? countInMemory() : await countInRow(url)

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  development: false,
  async fetch(request) {
    await request.arrayBuffer()
    await count()
    return new Response('{"outcome":"applied"}', { headers: { 'content-type': 'application/json' } })
  },
})
process.stdout.write(`${server.port}\n`)

async function countInRow(url: string): Promise<() => Promise<unknown>> {
  const sql = openPool(url, { name: 'counter', max: 1 })
  await sql`create table counter (count bigint not null) with (fillfactor = 50)`
  await sql`insert into counter values (0)`
  return async () => await sql`update counter set count = count + 1`
}

function countInMemory(): () => Promise<unknown> {
  let count = 0
  return async () => count++
}
