import { Refused } from '../jobs/worker.ts'
import { shopifyPlacesKeptMs } from '../limits.ts'
import type { Shopify } from './client.ts'
import { gidOf, listLocations, listPublications } from './documents.ts'

export type Places = ReturnType<typeof createPlaces>

/** Where the shop's stock lies and where its events are published: asked now and then, for they hardly ever change. */
export function createPlaces(
  shopify: Shopify,
  {
    locationId,
    keptMs = shopifyPlacesKeptMs,
  }: {
    /** The one of SHOPIFY_LOCATION_ID. */
    locationId: string | null
    keptMs?: number
  },
) {
  const locations = remembered(openLocations, keptMs)

  return {
    /** The location that a write names, else the configured one, else the only one there is. Throws a Refused. */
    async requireLocation(named: string | null): Promise<string> {
      const told = named ?? locationId
      if (told !== null) return gidOf('Location', told)
      const [only, another] = await locations()
      if (only === undefined) throw new Refused('The shop has no open location that could stock tickets')
      if (another !== undefined) {
        throw new Refused(
          'The shop has several locations: SHOPIFY_LOCATION_ID has to say which one stocks tickets',
        )
      }
      return only
    },

    /** All channels of the shop. */
    publications: remembered(async () => {
      const { publications } = await shopify.call(listPublications, {})
      return publications.nodes.map(({ id }) => ({ publicationId: id }))
    }, keptMs),
  }

  async function openLocations(): Promise<string[]> {
    // One page: from two on it makes no difference how many there are.
    const { locations } = await shopify.call(listLocations, {})
    return locations.nodes.map(({ id }) => id)
  }
}

/** Loads once for all who ask within the time; what failed is asked for again. */
function remembered<T>(load: () => Promise<T>, keptMs: number): () => Promise<T> {
  let loaded: { value: Promise<T>; until: number } | null = null
  return () => {
    if (loaded !== null && performance.now() < loaded.until) return loaded.value
    const value = load()
    const current = { value, until: performance.now() + keptMs }
    loaded = current
    value.catch(() => {
      if (loaded === current) loaded = null
    })
    return value
  }
}
