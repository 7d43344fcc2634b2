import { expect } from 'bun:test'
import type { Sql } from '../src/platform/database.ts'

/** Somebody with an account, logged in. */
export type Someone = { token: string; id: number }
export type Answer<Body> = { status: number; body: Body; headers: Headers; text: string }

type Request = { as?: Someone; body?: unknown; headers?: Record<string, string> }

/** Asks a server as people do, by `POST /orders`; expects of each answer that nobody stores it. */
export function createCallers<Body extends object>(url: URL) {
  return { ask, someone, anAdmin }

  async function ask(route: string, { as, body, headers = {} }: Request = {}): Promise<Answer<Body>> {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(as === undefined ? {} : { authorization: `Bearer ${as.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    expect([route, response.headers.get('cache-control')]).toEqual([route, 'no-store'])
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      body: (isJson ? JSON.parse(text) : {}) as Body,
      headers: response.headers,
      text,
    }
  }

  async function someone(): Promise<Someone> {
    const credentials = { email: `${crypto.randomUUID()}@example.com`, password: 'a sentence about otters' }
    const { body: made } = await ask('POST /auth/signup', { body: credentials })
    const { body: login } = await ask('POST /auth/login', { body: credentials })
    return {
      id: (made as unknown as { id: number }).id,
      token: (login as unknown as { access_token: string }).access_token,
    }
  }

  async function anAdmin(sql: Sql): Promise<Someone> {
    const admin = await someone()
    await sql`update onsale.users set role = 'ADMIN' where id = ${admin.id}`
    return admin
  }
}
