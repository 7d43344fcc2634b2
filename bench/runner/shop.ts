// What a shop offers to read, found by reading it: scripts draw from it, so that they run on any shop.

/** Ids of events that can be opened, soonest first; categories and words that occur. */
export type Shop = { eventIds: number[]; categories: string[]; words: string[] }

const wordsMax = 40

/** Reads the first `pages` hundred events of the server at `url`. Throws where there are none. */
export async function surveyShop(url: string, { pages }: { pages: number }): Promise<Shop> {
  const eventIds: number[] = []
  const categories = new Set<string>()
  const words = new Set<string>()
  for (let page = 1; page <= pages; page++) {
    const answer = await fetch(`${url}/events?limit=100&page=${page}`)
    if (!answer.ok) throw new Error(`${url}/events was answered ${answer.status}: ${await answer.text()}`)
    const { events } = (await answer.json()) as {
      events: { id: number; category: string | null; title: string }[]
    }
    for (const { id, category, title } of events) {
      eventIds.push(id)
      if (category !== null) categories.add(category)
      for (const word of title.match(/\p{L}{4,}/gu) ?? []) if (words.size < wordsMax) words.add(word)
    }
    if (events.length < 100) break
  }
  if (eventIds.length === 0) throw new Error(`There is nothing to read at ${url}: it lists no events`)
  return { eventIds, categories: [...categories], words: [...words] }
}

/** Opens every page of the mix once (k6/reading.ts), as the scripts ask for it, so that a server has all of it in its cache. */
export async function openAllPages(url: string, { eventIds, categories, words }: Shop): Promise<void> {
  const paths = [
    '/events',
    ...[2, 3, 4].map((page) => `/events?page=${page}`),
    ...categories.map((category) => `/events?category=${encodeURIComponent(category)}`),
    ...words.map((word) => `/events?search=${encodeURIComponent(word)}`),
    ...eventIds.flatMap((id) => [`/events/${id}`, `/events/${id}/tickets`]),
  ]
  const open = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const answer = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } })
      await answer.bytes()
    }
  }
  await Promise.all(Array.from({ length: 8 }, open))
}
