import type { Config } from '../config.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { Refusal } from '../platform/refusal.ts'
import { createShopify, type Shopify } from './client.ts'
import { requireEndpoint } from './endpoint.ts'
import { fixedToken, grantedTokens, type Tokens } from './tokens.ts'

/** The Admin API that the environment names; null where it names none, or nothing to log in with. */
export function openShopify(
  config: Config,
  { log, metrics, processes }: { log: Log; metrics: Metrics; processes: number },
): Shopify | null {
  const tokens = tokensOf(config)
  if (config.shopifyApiUrl === null || tokens === null) return null
  const lowPercent = config.shopifyLowPointsPercent
  return createShopify({ url: config.shopifyApiUrl, tokens, log, metrics, processes, lowPercent })
}

/** Whether the environment names an Admin API, and something to log in with. */
export function hasShopify(config: Config): boolean {
  return config.shopifyApiUrl !== null && tokensOf(config) !== null
}

/** For a command, with the version of the API. Throws a Refusal where the environment names no Admin API. */
export function requireShopify(
  config: Config,
  { log, metrics }: { log: Log; metrics: Metrics },
): { shopify: Shopify; version: string } {
  const shopify = openShopify(config, { log, metrics, processes: 1 })
  if (shopify === null || config.shopifyApiUrl === null) {
    throw new Refusal(
      'The shop cannot be asked: set SHOPIFY_API_URL (or SHOPIFY_SHOPS) and SHOPIFY_ACCESS_TOKEN',
    )
  }
  return { shopify, version: requireEndpoint(config.shopifyApiUrl).version }
}

function tokensOf(config: Config): Tokens | null {
  const { shopifyApiUrl: apiUrl, shopifyAccessToken, shopifyClientId: clientId } = config
  if (shopifyAccessToken !== null) return fixedToken(shopifyAccessToken)
  const { shopifyClientSecret: clientSecret } = config
  if (apiUrl === null || clientId === null || clientSecret === null) return null
  return grantedTokens({ apiUrl, clientId, clientSecret })
}
