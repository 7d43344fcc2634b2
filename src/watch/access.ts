import type { Shopify } from '../shopify/client.ts'
import { getShop } from '../shopify/documents.ts'

/** Who we are in the shop, asked once and remembered: its domain is what webhooks name it by. */
export type Access = ReturnType<typeof createAccess>

/** Asks the shop who we are there. */
export function createAccess(shopify: Shopify) {
  let domain: string | null = null
  return {
    /** The rights that the app has now. */
    async readScopes(): Promise<string[]> {
      const { shop, currentAppInstallation } = await shopify.call(getShop, {}, { isLook: true })
      domain = shop.myshopifyDomain
      return currentAppInstallation.accessScopes.map(({ handle }) => handle)
    },

    /** The shop's domain, like demo.myshopify.com. */
    async shopDomain(): Promise<string> {
      if (domain === null) await this.readScopes()
      return domain ?? ''
    },
  }
}
