import { shopifyAnswerBytesMax, shopifyTokenAheadMs, shopifyTokenMsMax } from '../limits.ts'
import { ShopifyError } from './error.ts'
import { NoAnswer, post } from './post.ts'

/** Where access tokens come from. */
export type Tokens = {
  /** The one to use now. Refuses with a ShopifyError. */
  get: () => Promise<string>
  /** Another one than this, which was not accepted; null: there is none. Refuses with a ShopifyError. */
  renew: (refused: string) => Promise<string | null>
}

/** A token that an admin made, for good. */
export function fixedToken(token: string): Tokens {
  return { get: async () => token, renew: async () => null }
}

type Granted = { token: string; goodUntil: number; renewAt: number }

/**
 * Tokens by the client credentials grant: each is good for a day, and renewed ahead of its end, by one call for all who wait.
 * Source: shopify.dev, "Using the client credentials grant".
 */
export function grantedTokens({
  apiUrl,
  clientId,
  clientSecret,
  timeoutMs = shopifyTokenMsMax,
}: {
  apiUrl: string
  clientId: string
  clientSecret: string
  timeoutMs?: number
}): Tokens {
  const url = new URL('/admin/oauth/access_token', apiUrl).href
  let granted: Granted | null = null
  let asking: Promise<Granted> | null = null

  return {
    async get() {
      const now = Date.now()
      if (granted === null || granted.goodUntil <= now) return (await ask()).token
      // Nobody waits for what is only ahead of time; where it fails, the next call tries again.
      if (granted.renewAt <= now) ask().catch(() => {})
      return granted.token
    },

    async renew(refused) {
      if (granted !== null && granted.token !== refused) return granted.token
      const { token } = await ask()
      return token === refused ? null : token
    },
  }

  function ask(): Promise<Granted> {
    asking ??= grant()
      .then((answer) => {
        granted = answer
        return answer
      })
      .finally(() => {
        asking = null
      })
    return asking
  }

  async function grant(): Promise<Granted> {
    const askedAt = Date.now()
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
    const { status, text } = await send(new URLSearchParams(form).toString())
    if (status === 429 || status >= 500) {
      throw new ShopifyError('unavailable', `Shopify gives no access token now (${status})`)
    }
    const { token, lifeS } = status === 200 ? readGrant(text) : { token: null, lifeS: 0 }
    if (token === null) {
      throw new ShopifyError(
        'refused',
        `Shopify gives no access token for SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET (${status})`,
      )
    }
    const lifeMs = lifeS * 1_000
    const aheadMs = Math.min(shopifyTokenAheadMs, lifeMs / 10)
    return { token, goodUntil: askedAt + lifeMs, renewAt: askedAt + lifeMs - aheadMs }
  }

  async function send(body: string) {
    try {
      return await post(url, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' },
        body,
        timeoutMs,
        bytesMax: shopifyAnswerBytesMax,
        isAlone: true,
      })
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      throw new ShopifyError('unavailable', `Shopify gives no access token now: ${error.message}`, {
        cause: error,
      })
    }
  }
}

function readGrant(text: string): { token: string | null; lifeS: number } {
  try {
    const { access_token: token, expires_in: lifeS } = JSON.parse(text) as Record<string, unknown>
    // It goes into a header.
    const isUsable = typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)
    return isUsable && typeof lifeS === 'number' && lifeS > 0 ? { token, lifeS } : { token: null, lifeS: 0 }
  } catch {
    return { token: null, lifeS: 0 }
  }
}
