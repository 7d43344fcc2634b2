import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, readConfig } from '../../src/config.ts'

const secret = '0123456789abcdef0123'
const key = '0123456789abcdef0123456789abcdef'

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

describe('readConfig', () => {
  test('an empty environment gives the defaults, frozen', () => {
    const config = readConfig({})
    expect(config).toMatchObject({
      port: 3000,
      databaseUrl: null,
      dbPoolSize: 20,
      dbPrepare: true,
      rateLimits: true,
      production: false,
    })
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.shopifyShops)).toBe(true)
  })

  test("one database URL stands in for the direct one and the owner's", () => {
    const url = 'postgres://onsale:pw@db:5432/onsale'
    expect(readConfig({ DATABASE_URL: url })).toMatchObject({ databaseDirectUrl: url, databaseAdminUrl: url })
    const direct = 'postgresql://onsale:pw@db:5433/onsale?sslmode=require'
    expect(readConfig({ DATABASE_URL: url, DATABASE_DIRECT_URL: direct })).toMatchObject({
      databaseUrl: url,
      databaseDirectUrl: direct,
      databaseAdminUrl: direct,
    })
  })

  test('several hosts in one database URL are accepted', () => {
    expect(faultsOf({ DATABASE_URL: 'postgres://onsale:pw@one:5432,two:5432/onsale' })).toEqual([])
  })

  test('lists are split by comma, without the empty parts', () => {
    const { shopifyWebhookSecrets } = readConfig({ SHOPIFY_WEBHOOK_SECRET: 'new, old,,' })
    expect(shopifyWebhookSecrets).toEqual(['new', 'old'])
  })

  test('an empty or blank value counts as absent', () => {
    expect(readConfig({ PORT: '', HOST: '  ', REDIS_URL: '' })).toMatchObject({ port: 3000, redisUrl: null })
  })

  test('every fault is told at once, by the name of its variable', () => {
    const faults = faultsOf({
      PORT: '70000',
      DB_POOL_SIZE: 'many',
      DB_PREPARE: 'maybe',
      DATABASE_REPLICA_URL: 'mysql://db/x',
      REDIS_URL: 'localhost:6379',
      SHOPIFY_SHOPS: 'https://demo.myshopify.com',
      SHOPIFY_CURRENCY: 'euro',
      CORS_ORIGINS: 'shop.example',
      TRUSTED_PROXIES: '10.0.0.0/33',
      RATE_LIMITS: 'sometimes',
      LOG_LEVEL: 'loud',
    })
    expect(faults.map((fault) => fault.split(' ')[0]).sort()).toEqual([
      'CORS_ORIGINS',
      'DATABASE_REPLICA_URL',
      'DB_POOL_SIZE',
      'DB_PREPARE',
      'LOG_LEVEL',
      'PORT',
      'RATE_LIMITS',
      'REDIS_URL',
      'SHOPIFY_CURRENCY',
      'SHOPIFY_SHOPS',
      'TRUSTED_PROXIES',
    ])
    expect(faults).toContain('PORT must be a whole number from 0 to 65535, not "70000"')
  })

  test('a faulty URL is told without its password', () => {
    const [fault] = faultsOf({ DATABASE_URL: 'postgre://onsale:hunter2@db/onsale' })
    expect(fault).toStartWith('DATABASE_URL must be a URL')
    expect(fault).not.toContain('hunter2')
  })

  test('the other database URLs need the first', () => {
    expect(faultsOf({ DATABASE_ADMIN_URL: 'postgres://db/x' })).toEqual([
      'DATABASE_URL must be set where DATABASE_DIRECT_URL, _ADMIN_URL or _REPLICA_URL is',
    ])
  })

  test('production refuses a missing, a demo and a short secret', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([
      'SHOPIFY_WEBHOOK_SECRET must be set when NODE_ENV is production',
      'SECRET_KEY must be set when NODE_ENV is production',
      'PAYMENT_WEBHOOK_SECRET must be set when NODE_ENV is production',
    ])
    const production = { NODE_ENV: 'production', SECRET_KEY: key, PAYMENT_WEBHOOK_SECRET: secret }
    expect(faultsOf({ ...production, SHOPIFY_WEBHOOK_SECRET: `${secret},demo_${secret}` })).toEqual([
      'SHOPIFY_WEBHOOK_SECRET holds a demo secret, which production refuses',
    ])
    expect(faultsOf({ ...production, SHOPIFY_WEBHOOK_SECRET: 'short' })).toHaveLength(1)
    expect(faultsOf({ ...production, SHOPIFY_WEBHOOK_SECRET: secret })).toEqual([])
    expect(
      faultsOf({ ...production, SHOPIFY_WEBHOOK_SECRET: secret, SECRET_KEY: `${key},${key.slice(1)}` }),
    ).toEqual(['SECRET_KEY holds a value shorter than 32 characters, which production refuses'])
  })

  test('the Admin API is that of the first shop, or where it is told', () => {
    expect(readConfig({}).shopifyApiUrl).toBeNull()
    const ofShop = 'https://one.myshopify.com/admin/api/2026-10/graphql.json'
    const shops = { SHOPIFY_SHOPS: 'one.myshopify.com,two.myshopify.com' }
    expect(readConfig(shops).shopifyApiUrl).toBe(ofShop)
    const local = 'http://127.0.0.1:4000/admin/api/2026-10/graphql.json'
    expect(readConfig({ ...shops, SHOPIFY_API_URL: local }).shopifyApiUrl).toBe(local)
  })

  test('an access token goes nowhere unencrypted but to this machine, and to nothing but the Admin API', () => {
    for (const url of [
      'http://demo.myshopify.com/admin/api/2026-10/graphql.json',
      'http://127.0.0.1.evil.example/admin/api/2026-10/graphql.json',
      'https://user:hunter2@demo.myshopify.com/admin/api/2026-10/graphql.json',
      'https://demo.myshopify.com/admin/api/2026-10/graphql.json?token=hunter2',
      'https://demo.myshopify.com/admin/graphql.json',
      'ftp://demo.myshopify.com/admin/api/2026-10/graphql.json',
    ]) {
      const faults = faultsOf({ SHOPIFY_API_URL: url })
      expect(faults).toEqual([expect.stringMatching(/^SHOPIFY_API_URL must be /)])
      expect(faults[0]).not.toContain('hunter2')
    }
  })

  test('one logs in at Shopify by a token or by a client id with its secret', () => {
    const shops = { SHOPIFY_SHOPS: 'one.myshopify.com' }
    const client = { SHOPIFY_CLIENT_ID: 'app', SHOPIFY_CLIENT_SECRET: 'hunter2' }
    expect(faultsOf({ ...shops, SHOPIFY_ACCESS_TOKEN: 'shpat_1' })).toEqual([])
    expect(faultsOf({ ...shops, ...client })).toEqual([])
    const named = (env: Record<string, string>) => faultsOf(env).map((fault) => fault.split(' ')[0])
    expect(named({ ...shops, SHOPIFY_CLIENT_ID: 'app' })).toEqual(['SHOPIFY_CLIENT_SECRET'])
    expect(named({ ...shops, SHOPIFY_CLIENT_SECRET: 'hunter2' })).toEqual(['SHOPIFY_CLIENT_ID'])
    expect(named({ ...shops, ...client, SHOPIFY_ACCESS_TOKEN: 'shpat_1' })).toEqual(['SHOPIFY_ACCESS_TOKEN'])
    expect(named({ SHOPIFY_ACCESS_TOKEN: 'shpat_1' })).toEqual(['SHOPIFY_SHOPS'])
    const [fault] = faultsOf({ ...shops, SHOPIFY_ACCESS_TOKEN: 'hun ter2' })
    expect(fault).toBe('SHOPIFY_ACCESS_TOKEN must be visible ASCII characters without blanks')
  })

  test('nothing is paid in production unless somebody says by whom, and never by a click', () => {
    expect(readConfig({}).paymentProvider).toBe('simulator')
    const production = { NODE_ENV: 'production', SECRET_KEY: key, SHOPIFY_WEBHOOK_SECRET: secret }
    const signed = { ...production, PAYMENT_WEBHOOK_SECRET: secret }
    expect(readConfig(signed).paymentProvider).toBe('none')
    expect(faultsOf({ ...signed, PAYMENT_PROVIDER: 'simulator' })).toEqual([
      expect.stringContaining('PAYMENT_PROVIDER is simulator'),
    ])
    expect(faultsOf({ ...production, PAYMENT_PROVIDER: 'stripe' })).toEqual([
      'STRIPE_SECRET_KEY must be set for PAYMENT_PROVIDER=stripe',
      'STRIPE_WEBHOOK_SECRET must be set for PAYMENT_PROVIDER=stripe',
    ])
    const stripe = {
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: 'sk_live_1',
      STRIPE_WEBHOOK_SECRET: 'whsec_1',
    }
    expect(faultsOf({ ...production, ...stripe })).toEqual([])
  })
})

describe('.env.example', () => {
  const lines = readFileSync(resolve(import.meta.dir, '../../.env.example'), 'utf8').split('\n')
  const set = lines.flatMap((line) =>
    [...line.matchAll(/^([A-Z_]+)=(.*)$/g)].map(([, name, value]) => [name, value]),
  )
  const commented = lines.flatMap((line) => [...line.matchAll(/^#([A-Z_]+)=/g)].map(([, name]) => name))

  test('names every variable that is read, and no other', () => {
    const read = new Set<string>()
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get(_, name) {
          read.add(String(name))
          return undefined
        },
      },
    )
    readConfig(env)
    expect([...set.map(([name]) => name), ...commented].sort()).toEqual([...read].sort())
  })

  test('holds the defaults', () => {
    expect(readConfig(Object.fromEntries(set))).toEqual(readConfig({}))
  })

  test('says something about each', () => {
    const names = lines.flatMap((line, index) => (/^#?[A-Z_]+=/.test(line) ? [index] : []))
    for (const index of names) expect(lines[index - 1]).toStartWith('# ')
  })
})
