// Elysia alone, one route without any middleware, that gives one answer: what the framework costs by itself.
//
//   bun bench/limits/elysia.ts <url> <200|304>      prints the port it listens on
//
// The answer is byte for byte what <url> gives, but for Date.

import { Elysia } from 'elysia'
import { readModelAnswer } from './model_answer.ts'

const [url = '', status] = process.argv.slice(2)
const model = await readModelAnswer(url, status === '304' ? 304 : 200)
const { body } = model
const init = { status: model.status, headers: new Headers(model.headers) }

const app = new Elysia({ precompile: true })
  .get(new URL(url).pathname, () => new Response(body, init))
  .listen({ hostname: '127.0.0.1', port: 0 })
process.stdout.write(`${app.server?.port}\n`)
