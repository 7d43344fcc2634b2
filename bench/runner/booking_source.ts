// Bookings of logged-in users for the light generator. Their tokens are signed before the clock starts.

import { createTokens } from '../../src/accounts/tokens.ts'
import type { DirectSale } from '../direct_sale.ts'
import type { GeneratorRequest, RequestSource } from './generator.ts'

export type BookingSourceOptions = DirectSale & {
  /** Signs the tokens. */
  secret: string
  /** Statuses that are no failure; the first is the one that is hoped for. */
  expected: number[]
}

/** One ticket for each user in turn, for ever. */
export async function createSource(options: BookingSourceOptions): Promise<RequestSource> {
  const { eventId, ticketId, secret, firstUserId, userCount, expected } = options
  const tokens = createTokens([secret])
  const body = JSON.stringify({ event_id: eventId, ticket_id: ticketId, quantity: 1 })
  const requests: GeneratorRequest[] = []
  for (let userId = firstUserId; userId < firstUserId + userCount; userId++) {
    const token = await tokens.sign({ userId, role: 'USER', tokenGeneration: 1 })
    const bytes = Buffer.from(
      `POST /bookings HTTP/1.1\r\nHost: onsale\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    requests.push({ bytes, expected, group: 'booking' })
  }
  let next = 0
  return { next: () => requests[next++ % requests.length] ?? null }
}
