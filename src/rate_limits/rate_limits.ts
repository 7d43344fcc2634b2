import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { normalisedEmail } from '../accounts/email.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import {
  loginPauseS,
  loginsPerAddressMax,
  ordersPerUserMax,
  rateLimitKeysMax,
  rateLimitKeysScanned,
  rateWindowS,
  signupsPerAddressMax,
  wrongLoginsMax,
  wrongLoginsWithinS,
} from '../limits.ts'
import { socketAddressOf } from '../platform/answer.ts'
import { idPattern } from '../platform/fields.ts'
import type { SharedRedis } from '../platform/redis.ts'
import { countedAddress, createClientAddress, normalisedAddress } from './client_address.ts'

export type RateLimits = ReturnType<typeof createRateLimits>

/** What of Elysia's context is needed: who asks, and where the answer's headers go, refusals included. */
export type Asked = { request: Request; set: { headers: Record<string, unknown> } }

export type RateLimitsDeps = {
  /** Null: each process counts for itself. */
  redis: Pick<SharedRedis, 'send'> | null
  config: Pick<Config, 'rateLimits' | 'trustedProxies'>
}

const limits = {
  orders: { points: ordersPerUserMax, duration: rateWindowS, what: 'orders of a user' },
  logins: { points: loginsPerAddressMax, duration: rateWindowS, what: 'logins of an address' },
  wrong: { points: wrongLoginsMax, duration: wrongLoginsWithinS, what: 'wrong passwords of an account' },
  signups: { points: signupsPerAddressMax, duration: rateWindowS, what: 'signups of an address' },
} as const
type LimitName = keyof typeof limits
const limitNames = Object.keys(limits) as LimitName[]

/**
 * How often somebody may do what costs us or what guesses. Counters are shared through Redis and, while that is away or
 * slow, kept by each process (the package's insurance), so that no request fails or waits because of it.
 */
export function createRateLimits({ redis, config }: RateLimitsDeps) {
  const clientAddress = createClientAddress(config.trustedProxies)
  const isOn = config.rateLimits
  let loading: Promise<Counters> | null = null

  return { placing, signingUp, loggingIn, changingPassword, reset }

  /** Before an order is placed: counts it for the user, refuses as `rate_limited`. */
  async function placing(asked: Asked, userId: number): Promise<void> {
    if (isOn) tell(asked, await take('orders', String(userId)))
  }

  /** Before somebody signs up: counts it for his address, refuses as `rate_limited`. */
  async function signingUp(asked: Asked): Promise<void> {
    if (isOn) tell(asked, await take('signups', addressOf(asked.request)))
  }

  /**
   * Around a login: counts it for the address, and for the account where it is wrong, whether there is such an account or
   * not. Refuses as `rate_limited`.
   */
  async function loggingIn<T>(asked: Asked, email: string, login: () => Promise<T>): Promise<T> {
    if (!isOn) return await login()
    const ofAddress = await take('logins', addressOf(asked.request))
    tell(asked, ofAddress)
    const ofAccount = await take('wrong', accountKey(email))
    try {
      return await guess(email, ofAccount, login)
    } catch (error) {
      if (isWrong(error) && ofAccount.left < ofAddress.left) tell(asked, ofAccount)
      throw error
    }
  }

  /**
   * Around a change of the password: the old one can be guessed there too, by who has a token, so a wrong one counts as a
   * wrong login of the account. Refuses as `rate_limited`.
   */
  async function changingPassword<T>(asked: Asked, email: string, change: () => Promise<T>): Promise<T> {
    if (!isOn) return await change()
    const ofAccount = await take('wrong', accountKey(email))
    tell(asked, ofAccount)
    return await guess(email, ofAccount, change)
  }

  /** It was counted before it is known to be wrong: else a hundred guesses at once would all be looked at. */
  async function guess<T>(email: string, ofAccount: Taken, check: () => Promise<T>): Promise<T> {
    const account = accountKey(email)
    const { wrong } = await counters()
    try {
      const result = await check()
      await forget('wrong', account)
      return result
    } catch (error) {
      if (!isWrong(error)) await wrong.limiter.reward(account)
      else if (ofAccount.used >= wrongLoginsMax) await wrong.limiter.block(account, loginPauseS)
      throw error
    }
  }

  /**
   * Forgets what was counted, of all or of one subject: `user:7`, `address:1.2.3.4`, `account:ann@example.com`. What other
   * processes counted by themselves while Redis was away runs out within 15 minutes. Refuses as `unavailable` where
   * Redis does not answer: what it holds would come back with it.
   */
  async function reset(subject: string | null): Promise<void> {
    const keys = subject === null ? null : keysOf(subject)
    if (keys === null) loading = null
    else await Promise.all(keys.map(([name, key]) => forget(name, key)))
    if (redis === null) return
    try {
      if (keys !== null) await redis.send('DEL', keys.map(sharedKey))
      else await deleteAll(redis)
    } catch (error) {
      throw new AppError('unavailable', 'Redis holds the counters and does not answer, try again', {
        cause: error,
      })
    }
  }

  function counters(): Promise<Counters> {
    loading ??= makeCounters(redis)
    return loading
  }

  async function take(name: LimitName, key: string): Promise<Taken> {
    const { limiter } = (await counters())[name]
    const limit = limits[name]
    try {
      return takenOf(limit.points, await limiter.consume(key))
    } catch (result) {
      if (result instanceof Error) throw result
      const taken = takenOf(limit.points, result as RateLimiterRes)
      throw new AppError('rate_limited', `Too many ${limit.what}: try again in ${taken.resetS} s`, {
        retryAfterS: taken.resetS,
        headers: headersOf(taken),
      })
    }
  }

  async function forget(name: LimitName, key: string): Promise<void> {
    const { limiter, memory } = (await counters())[name]
    await Promise.all([limiter.delete(key), memory.delete(key)])
  }

  function addressOf(request: Request): string {
    const address = clientAddress(socketAddressOf(request), request.headers)
    return address === null ? 'unknown' : countedAddress(address)
  }
}

function isWrong(error: unknown): boolean {
  return error instanceof AppError && error.code === 'bad_credentials'
}

type Counter = { limiter: RateLimiterRedis | RateLimiterMemory; memory: RateLimiterMemory }
type Counters = Record<LimitName, Counter>

/** The package is loaded when somebody is first counted: its 27 stores take 30 ms, which no start should. */
async function makeCounters(redis: RateLimitsDeps['redis']): Promise<Counters> {
  const { RateLimiterMemory, RateLimiterRedis } = await import('rate-limiter-flexible')

  /**
   * The package forgets a key when its window is over, and until then keeps all there are. Here those that ask now drive
   * out who has not asked for the longest time, and begins anew: to refuse newcomers would close the door to everybody.
   */
  class BoundedMemory extends RateLimiterMemory {
    readonly #keys = new LRUCache<string, true>({
      max: rateLimitKeysMax,
      dispose: (_, key) => void this.delete(key),
    })

    override consume(...asked: Parameters<RateLimiterMemory['consume']>): Promise<RateLimiterRes> {
      this.#keys.set(String(asked[0]), true)
      return super.consume(...asked)
    }
  }

  const entries = limitNames.map((name): [LimitName, Counter] => {
    const { points, duration } = limits[name]
    const options = { points, duration, keyPrefix: `${keyPrefix}${name}` }
    const memory = new BoundedMemory(options)
    if (redis === null) return [name, { limiter: memory, memory }]
    const limiter = new RateLimiterRedis({
      ...options,
      storeClient: storeClient(redis),
      useRedisPackage: true,
      insuranceLimiter: memory,
    })
    return [name, { limiter, memory }]
  })
  return Object.fromEntries(entries) as Counters
}

/**
 * What the package's limiter on Redis asks of a client, in the manner of the package `redis`: eval, del, and a `multi`
 * of `set` and `pTTL` to pause a key. That is little enough to give it Bun's client, and so no script of our own. The
 * commands of a `multi` go one after the other: the second only asks what the first has set.
 */
function storeClient({ send }: Pick<SharedRedis, 'send'>) {
  return {
    eval: (script: string, { keys, arguments: args }: { keys: string[]; arguments: string[] }) =>
      send('EVAL', [script, String(keys.length), ...keys, ...args]),
    del: (key: string) => send('DEL', [key]),
    multi() {
      const commands: [string, string[]][] = []
      const multi = {
        set(key: string, value: number, { EX }: { EX: number }) {
          commands.push(['SET', [key, String(value), 'EX', String(EX)]])
          return multi
        },
        pTTL(key: string) {
          commands.push(['PTTL', [key]])
          return multi
        },
        exec: () => Promise.all(commands.map(([command, args]) => send(command, args))),
      }
      return multi
    },
  }
}

async function deleteAll({ send }: Pick<SharedRedis, 'send'>): Promise<void> {
  let cursor = '0'
  do {
    const page = ['MATCH', `${keyPrefix}*`, 'COUNT', String(rateLimitKeysScanned)]
    const [next, keys] = (await send('SCAN', [cursor, ...page])) as [string, string[]]
    if (keys.length > 0) await send('DEL', keys)
    cursor = next
  } while (cursor !== '0')
}

const keyPrefix = 'onsale:limit:'

function sharedKey([name, key]: [LimitName, string]): string {
  return `${keyPrefix}${name}:${key}`
}

/** One key for all spellings of an address; a hash, because Redis needs not know who logs in. */
function accountKey(email: string): string {
  const address = (normalisedEmail(email) ?? email.trim()).toLowerCase()
  return createHash('sha256').update(address).digest('base64url')
}

function keysOf(subject: string): [LimitName, string][] {
  const [kind, rest] = [subject.slice(0, subject.indexOf(':')), subject.slice(subject.indexOf(':') + 1)]
  if (kind === 'user' && idPattern.test(rest)) return [['orders', rest]]
  if (kind === 'account' && rest !== '') return [['wrong', accountKey(rest)]]
  const address = kind === 'address' ? normalisedAddress(rest) : null
  if (address !== null) {
    const key = countedAddress(address)
    return [
      ['logins', key],
      ['signups', key],
    ]
  }
  const message = 'Expected user:7, address:1.2.3.4 or account:ann@example.com'
  throw new AppError('bad_request', `query.subject: ${message}`, {
    errors: [{ path: 'query.subject', message }],
  })
}

type Taken = { limit: number; used: number; left: number; resetS: number }

function takenOf(limit: number, { consumedPoints: used, msBeforeNext }: RateLimiterRes): Taken {
  return {
    limit,
    used,
    left: Math.max(0, limit - used),
    resetS: Math.max(1, Math.ceil(msBeforeNext / 1000)),
  }
}

function headersOf({ limit, left, resetS }: Taken): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(left),
    'ratelimit-reset': String(resetS),
  }
}

/** Refusals of the routes carry what is set here, too. */
function tell({ set }: Asked, taken: Taken): void {
  Object.assign(set.headers, headersOf(taken))
}
