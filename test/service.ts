import { connect } from 'node:net'
import { createPasswords } from '../src/accounts/passwords.ts'
import { createTokens } from '../src/accounts/tokens.ts'
import { readConfig, withDatabase } from '../src/config.ts'
import { startService } from '../src/serve.ts'
import { cheapHashes } from './accounts.ts'
import type { TestDatabase } from './harness.ts'
import { addUser } from './sales.ts'

export const tokenSecret = 'a secret of more than 32 characters'
/** Of everybody, and of the examples in the documentation. */
const password = 'a sentence about otters'
/** Of Shopify and of the payment provider. */
export const webhookSecret = 'a secret that both sides know'

export type Answer = {
  status: number
  code: string | undefined
  headers: Headers
  text: string
  body: Record<string, unknown>
}
export type Asked = {
  token?: string | undefined
  body?: unknown
  text?: string
  headers?: Record<string, string>
}
export type Somebody = { id: number; token: string }
export type RunningService = Awaited<ReturnType<typeof runService>>

/** The whole service as `serve` starts it, on a port of its own, without rate limits and with cheap hashes. `env`: more settings. */
export async function runService(database: TestDatabase, env: Record<string, string> = {}) {
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: database.url,
    SECRET_KEY: tokenSecret,
    SHOPIFY_WEBHOOK_SECRET: webhookSecret,
    PAYMENT_WEBHOOK_SECRET: webhookSecret,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'silent',
    ...env,
  })
  const passwords = createPasswords(cheapHashes)
  const service = await startService(withDatabase(config), { sharesPort: false, passwords })
  const tokens = createTokens([tokenSecret])
  const passwordHash = await passwords.hash(password)
  const url = `http://127.0.0.1:${service.port}`

  return { url, stop: service.stop, ask, exchange, somebody, state }

  /** `route`: a method and a path with its query. A `text` is sent as it is, a `body` as JSON. */
  async function ask(route: string, { token, body, text, headers = {} }: Asked = {}): Promise<Answer> {
    const [method = '', path = ''] = route.split(' ')
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    })
    const answered = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    const read = isJson && answered !== '' ? (JSON.parse(answered) as Record<string, unknown>) : {}
    return {
      status: response.status,
      code: read.code as string | undefined,
      headers: response.headers,
      text: answered,
      body: read,
    }
  }

  /** Sends these bytes on a connection of their own, as no client would; all that comes back until it ends. */
  function exchange(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answered = ''
      const socket = connect({ port: service.port, host: '127.0.0.1' }, () => socket.write(bytes, 'latin1'))
      socket.setEncoding('latin1')
      socket.on('data', (piece) => {
        answered += piece
      })
      socket.on('close', () => resolve(answered))
      socket.on('error', reject)
    })
  }

  /** A new user with a token. */
  async function somebody({
    role = 'USER' as 'USER' | 'ADMIN',
    email = `${crypto.randomUUID()}@example.com`,
  } = {}) {
    const id = await addUser(database.admin, email)
    await database.admin`
      update onsale.users set role = ${role}, password_hash = ${passwordHash} where id = ${id}`
    return { id, token: await tokens.sign({ userId: id, role, tokenGeneration: 1 }) } satisfies Somebody
  }

  /** What is stored, by table: count and digest of its rows. What runs by itself writes to none of these. */
  async function state(): Promise<Record<string, string>> {
    const tables = await database.admin<{ name: string }[]>`
      select tablename as name from pg_tables
      where schemaname = 'onsale' and tablename !~ '^search_|^verification$' order by tablename`
    const rows = await Promise.all(
      tables.map(
        ({ name }) => database.admin<{ digest: string }[]>`
          select count(*) || ' ' || coalesce(md5(string_agg(r.row::text, ',' order by r.row::text)), '') as digest
          from (select to_jsonb(t) - 'used_at' as row from ${database.admin(`onsale.${name}`)} t) r`,
      ),
    )
    return Object.fromEntries(tables.map(({ name }, nth) => [name, rows[nth]?.[0]?.digest ?? '']))
  }
}
