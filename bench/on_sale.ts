// An event that goes on sale, for the scenarios that need one. Called by the runner only; k6 reads past it.

import { type HotEvent, hotEventOf, productBody, soldAfter } from './orders.ts'
import type { Bench } from './scenario.ts'

export type OnSale = { event: HotEvent; id: number }

/** Puts an event with so many kinds of ticket on sale. `number` tells apart those of one scenario. */
export async function putOnSale(bench: Bench, number: number, ticketCount: number): Promise<OnSale> {
  const event = hotEventOf(number, ticketCount)
  await bench.deliver('products/create', productBody(event))
  const answer = await fetch(`${bench.urls[0]}/events/shopify:${event.productId}`)
  if (!answer.ok) throw new Error(`The event on sale was answered ${answer.status}`)
  const { id } = (await answer.json()) as { id: number }
  return { event, id }
}

/**
 * Holds what is left against what was sent: the first `sent` deliveries, all answered 200 at least once. One lost or
 * counted twice makes the run void.
 */
export async function expectSold(bench: Bench, { id }: OnSale, sent: number): Promise<void> {
  const answer = await fetch(`${bench.urls[0]}/events/${id}/availability`)
  const { tickets } = (await answer.json()) as { tickets: { sold: number }[] }
  const sold = tickets.reduce((sum, ticket) => sum + ticket.sold, 0)
  const wanted = soldAfter(sent)
  if (sold !== wanted) throw new Error(`${sent} deliveries sold ${wanted} tickets, and ${sold} are counted`)
}
