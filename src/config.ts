import { isIP } from 'node:net'
import { providerNames } from './payments/provider.ts'
import { Refusal } from './platform/refusal.ts'
import { isShopifyUrl } from './shopify/endpoint.ts'

export type Config = ReturnType<typeof readConfig>

/** A config whose database is known: the environment's, or the embedded one's. */
export type ServiceConfig = Config & {
  databaseUrl: string
  databaseDirectUrl: string
  databaseAdminUrl: string
}

/** Every fault of the environment, one line each, by the variable's name. */
export class ConfigError extends Refusal {
  override name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/** Secrets that `up` makes begin with this, so that production can refuse them. */
export const demoSecretPrefix = 'demo_'

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * Reads the environment once into a frozen object; an empty value counts as absent. Meanings, units and
 * defaults stand in `.env.example`. Throws a ConfigError that names every faulty variable at once.
 */
export function readConfig(env: Record<string, string | undefined>) {
  const read = createReader(env)
  const production = env.NODE_ENV === 'production'

  const databaseUrl = read.url('DATABASE_URL', ['postgres', 'postgresql'])
  const databaseDirectUrl = read.url('DATABASE_DIRECT_URL', ['postgres', 'postgresql'])
  const databaseAdminUrl = read.url('DATABASE_ADMIN_URL', ['postgres', 'postgresql'])
  const databaseReplicaUrl = read.url('DATABASE_REPLICA_URL', ['postgres', 'postgresql'])
  if (databaseUrl === null && (databaseDirectUrl ?? databaseAdminUrl ?? databaseReplicaUrl) !== null) {
    read.fault('DATABASE_URL', 'must be set where DATABASE_DIRECT_URL, _ADMIN_URL or _REPLICA_URL is')
  }

  const shopifyShops = read.list('SHOPIFY_SHOPS', (shop) =>
    /^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+$/.test(shop) ? null : 'a shop domain like demo.myshopify.com',
  )

  const config = {
    host: read.text('HOST', '0.0.0.0'),
    port: read.integer('PORT', 3000, { min: 0, max: 65_535 }),

    /** Null: `up` brings its own PostgreSQL. */
    databaseUrl,
    /** For LISTEN: past any pooler. */
    databaseDirectUrl: databaseDirectUrl ?? databaseUrl,
    /** For migrations: a login that may create roles and schemas. */
    databaseAdminUrl: databaseAdminUrl ?? databaseDirectUrl ?? databaseUrl,
    databaseReplicaUrl,
    dbPoolSize: read.integer('DB_POOL_SIZE', 20, { min: 1, max: 500 }),
    /** False behind a pooler that does not keep prepared statements. */
    dbPrepare: read.oneOf('DB_PREPARE', ['on', 'off'], 'on') === 'on',
    redisUrl: read.url('REDIS_URL', ['redis', 'rediss']),
    dataDir: read.text('DATA_DIR', '.data'),

    /** The first is the current one; the others are still accepted while secrets rotate. */
    shopifyWebhookSecrets: secrets('SHOPIFY_WEBHOOK_SECRET', { charsMin: 16 }),
    /** Empty: any shop. */
    shopifyShops,
    shopifyEventTag: read.text('SHOPIFY_EVENT_TAG', '') || null,
    shopifyEventType: read.text('SHOPIFY_EVENT_TYPE', '') || null,
    shopifyCurrency: read.pattern('SHOPIFY_CURRENCY', 'EUR', /^[A-Z]{3}$/, 'an ISO 4217 code like EUR'),
    shopifyTestOrders: read.oneOf('SHOPIFY_TEST_ORDERS', ['count', 'ignore'], 'count'),
    /** Where the Admin API is asked. Null: it is not. */
    shopifyApiUrl: shopifyApiUrl(),
    /** Made by an admin for good; or ones for a day are asked for with the two below. */
    shopifyAccessToken: token('SHOPIFY_ACCESS_TOKEN'),
    shopifyClientId: token('SHOPIFY_CLIENT_ID'),
    shopifyClientSecret: token('SHOPIFY_CLIENT_SECRET'),
    shopifyLowPointsPercent: read.integer('SHOPIFY_LOW_POINTS_PERCENT', 20, { min: 0, max: 100 }),
    /** Where tickets are stocked. Null: at the shop's only location. */
    shopifyLocationId: read.text('SHOPIFY_LOCATION_ID', '') || null,
    /** How often the mirror is held against the shop. Null: only when somebody asks for it. */
    reconcileEveryHours: read.integer('RECONCILE_EVERY_HOURS', 24, { min: 0, max: 24 * 30 }) || null,
    keepBodiesHours: read.integer('KEEP_BODIES_HOURS', 0, { min: 0, max: 24 * 30 }),

    /** Sign tokens and links to tickets: the first one new ones, all are accepted. Empty: made at start. */
    secretKeys: secrets('SECRET_KEY', { charsMin: 32 }),

    /** Who takes payments: new ones, and results of those that were begun there. */
    paymentProvider: read.oneOf(
      'PAYMENT_PROVIDER',
      ['none', ...providerNames],
      production ? 'none' : 'simulator',
    ),
    /** The first is the current one. Empty: made at start, so that nobody else can sign. */
    paymentWebhookSecrets: secrets('PAYMENT_WEBHOOK_SECRET', {
      charsMin: 16,
      // Stripe signs with its own.
      isWanted: env.PAYMENT_PROVIDER?.trim() !== 'stripe',
    }),
    paymentReplayWindowS: read.integer('PAYMENT_REPLAY_WINDOW_S', 300, { min: 1, max: 86_400 }),
    /** Where a buyer's browser goes after paying; {order_id} stands for the order. Null: a page of ours. */
    paymentReturnUrl: read.url('PAYMENT_RETURN_URL', ['https', 'http']),
    stripeSecretKey: read.text('STRIPE_SECRET_KEY', '') || null,
    stripeWebhookSecrets: read.list('STRIPE_WEBHOOK_SECRET', () => null),
    /** Null: Stripe's own. */
    stripeApiUrl: read.url('STRIPE_API_URL', ['https', 'http']),

    /** The origin under which buyers reach the service. Null: the one that they asked. */
    publicUrl: read.url('PUBLIC_URL', ['https', 'http'])?.replace(/\/+$/, '') ?? null,
    corsOrigins: read.list('CORS_ORIGINS', (origin) =>
      origin === '*' || isOrigin(origin) ? null : '* or an origin like https://shop.example',
    ),
    trustedProxies: read.list('TRUSTED_PROXIES', (address) =>
      isAddressOrNetwork(address) ? null : 'an address or network like 10.0.0.0/8',
    ),
    /** False for benchmarks, whose users order more often than people do. */
    rateLimits: read.oneOf('RATE_LIMITS', ['on', 'off'], 'on') === 'on',
    browserMaxAgeS: read.integer('BROWSER_MAX_AGE_S', 5, { min: 0, max: 86_400 }),
    cdnMaxAgeS: read.integer('CDN_MAX_AGE_S', 1, { min: 0, max: 86_400 }),
    staleWhileRevalidateS: read.integer('STALE_WHILE_REVALIDATE_S', 30, { min: 0, max: 86_400 }),
    staleIfErrorS: read.integer('STALE_IF_ERROR_S', 600, { min: 0, max: 86_400 }),

    logLevel: read.oneOf('LOG_LEVEL', logLevels, 'info'),
    production,
  }

  if (config.paymentProvider === 'simulator' && production) {
    read.fault('PAYMENT_PROVIDER', 'is simulator, with which anybody pays by a click: production refuses it')
  }
  if (config.paymentProvider === 'stripe') {
    if (config.stripeSecretKey === null)
      read.fault('STRIPE_SECRET_KEY', 'must be set for PAYMENT_PROVIDER=stripe')
    if (config.stripeWebhookSecrets.length === 0) {
      read.fault('STRIPE_WEBHOOK_SECRET', 'must be set for PAYMENT_PROVIDER=stripe')
    }
  }

  requireShopifyLogin(config)
  if (!/^[1-9]\d{0,17}$/.test(config.shopifyLocationId ?? '1')) {
    read.fault('SHOPIFY_LOCATION_ID', `must be the number of a location, not "${config.shopifyLocationId}"`)
  }

  const faults = read.faults()
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)

  function shopifyApiUrl(): string | null {
    const url = read.url('SHOPIFY_API_URL', ['https', 'http'])
    if (url === null) {
      const [shop] = shopifyShops
      return shop === undefined ? null : `https://${shop}/admin/api/2026-10/graphql.json`
    }
    if (!isShopifyUrl(url)) {
      read.fault(
        'SHOPIFY_API_URL',
        'must be like https://demo.myshopify.com/admin/api/2026-10/graphql.json (http only to 127.0.0.1 or localhost)',
      )
    }
    return url
  }

  /** It goes into a header, where nothing else is allowed. */
  function token(name: string): string | null {
    const value = read.text(name, '') || null
    if (value !== null && !/^[\x21-\x7e]+$/.test(value)) {
      read.fault(name, 'must be visible ASCII characters without blanks')
    }
    return value
  }

  function requireShopifyLogin(login: {
    shopifyApiUrl: string | null
    shopifyAccessToken: string | null
    shopifyClientId: string | null
    shopifyClientSecret: string | null
  }): void {
    const { shopifyApiUrl: url, shopifyAccessToken, shopifyClientId: id, shopifyClientSecret: secret } = login
    if (id !== null && secret === null) {
      read.fault('SHOPIFY_CLIENT_SECRET', 'must be set where SHOPIFY_CLIENT_ID is')
    }
    if (secret !== null && id === null) {
      read.fault('SHOPIFY_CLIENT_ID', 'must be set where SHOPIFY_CLIENT_SECRET is')
    }
    if (shopifyAccessToken !== null && (id ?? secret) !== null) {
      read.fault('SHOPIFY_ACCESS_TOKEN', 'must not be set where SHOPIFY_CLIENT_ID is: one of the two is used')
    }
    if ((shopifyAccessToken ?? id ?? secret) !== null && url === null) {
      read.fault(
        'SHOPIFY_SHOPS',
        'or SHOPIFY_API_URL must be set, so that it is known whose the access token is',
      )
    }
  }

  /** A secret by comma; in production it must be there, long enough to resist guessing, and not a demo's. */
  function secrets(
    name: string,
    { charsMin, isWanted = true }: { charsMin: number; isWanted?: boolean },
  ): readonly string[] {
    const values = read.list(name, () => null)
    if (!production) return values
    if (values.length === 0 && isWanted) read.fault(name, 'must be set when NODE_ENV is production')
    if (values.some((value) => value.startsWith(demoSecretPrefix))) {
      read.fault(name, 'holds a demo secret, which production refuses')
    }
    if (values.some((value) => value.length < charsMin)) {
      read.fault(name, `holds a value shorter than ${charsMin} characters, which production refuses`)
    }
    return values
  }
}

/** The config for a role; throws a Refusal where the environment names no database. */
export function withDatabase(config: Config, role = 'serve'): ServiceConfig {
  const { databaseUrl, databaseDirectUrl, databaseAdminUrl } = config
  if (databaseUrl === null || databaseDirectUrl === null || databaseAdminUrl === null) {
    throw new Refusal(`DATABASE_URL must be set for \`${role}\`; \`up\` brings its own PostgreSQL`)
  }
  return { ...config, databaseUrl, databaseDirectUrl, databaseAdminUrl }
}

/** Reads one variable at a time and gathers what is wrong; a fault never quotes a secret or a URL's password. */
function createReader(env: Record<string, string | undefined>) {
  const faults: string[] = []
  const fault = (name: string, sentence: string) => {
    faults.push(`${name} ${sentence}`)
  }
  const get = (name: string) => env[name]?.trim() || null

  return {
    fault,
    faults: () => faults,

    text: (name: string, fallback: string): string => get(name) ?? fallback,

    integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
      const value = get(name)
      if (value === null) return fallback
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
      if (number >= min && number <= max) return number
      fault(name, `must be a whole number from ${min} to ${max}, not "${value}"`)
      return fallback
    },

    oneOf<const T extends string>(name: string, words: readonly T[], fallback: T): T {
      const value = get(name)
      if (value === null) return fallback
      const word = words.find((word) => word === value)
      if (word !== undefined) return word
      fault(name, `must be one of ${words.join(', ')}, not "${value}"`)
      return fallback
    },

    pattern(name: string, fallback: string, pattern: RegExp, wanted: string): string {
      const value = get(name) ?? fallback
      if (!pattern.test(value)) fault(name, `must be ${wanted}, not "${value}"`)
      return value
    },

    list(name: string, wanted: (item: string) => string | null): readonly string[] {
      const items = (get(name) ?? '')
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      for (const item of items) {
        const sentence = wanted(item)
        if (sentence !== null) fault(name, `must hold ${sentence}, not "${item}"`)
      }
      return Object.freeze(items)
    },

    url(name: string, schemes: readonly string[]): string | null {
      const value = get(name)
      if (value === null) return null
      const scheme = /^([a-z]+):\/\/[^/\s]/.exec(value)?.[1]
      if (scheme !== undefined && schemes.includes(scheme) && isUrl(value)) return value
      fault(name, `must be a URL that begins with ${schemes[0]}://`)
      return null
    },
  }
}

function isUrl(value: string): boolean {
  // Several hosts by comma (failover) are PostgreSQL's own extension, which URL does not know.
  return URL.canParse(value.replace(/,[^/?]*/, ''))
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && /^https?:\/\//.test(value) && new URL(value).origin === value
}

function isAddressOrNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}
