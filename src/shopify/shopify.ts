import type { Config } from '../config.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createShopify, type Shopify } from './client.ts'
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

function tokensOf(config: Config): Tokens | null {
  const { shopifyApiUrl: apiUrl, shopifyAccessToken, shopifyClientId: clientId } = config
  if (shopifyAccessToken !== null) return fixedToken(shopifyAccessToken)
  const { shopifyClientSecret: clientSecret } = config
  if (apiUrl === null || clientId === null || clientSecret === null) return null
  return grantedTokens({ apiUrl, clientId, clientSecret })
}
