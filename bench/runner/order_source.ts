// Buyers of priced tickets for the light generator: each connection is one buyer after the other, who orders, begins to pay,
// and whose payment is then told by its provider. Tokens are signed before the clock starts.

import { createHmac } from 'node:crypto'
import { createTokens } from '../../src/accounts/tokens.ts'
import type { DirectSale } from '../direct_sale.ts'
import type { Answer, GeneratorRequest, RequestSource } from './generator.ts'

export type OrderSourceOptions = DirectSale & {
  /** Signs the tokens and the results of payments. */
  secret: string
}

type Step = { name: 'order' } | { name: 'initiate'; orderId: number } | { name: 'result'; body: string }

/** Users in turn, for ever. One result in ten is told twice, and a failure goes before one in ten. */
export async function createSource(options: OrderSourceOptions): Promise<RequestSource> {
  const { ticketId, secret, firstUserId, userCount } = options
  const tokens = createTokens([secret])
  const signed: string[] = []
  for (let userId = firstUserId; userId < firstUserId + userCount; userId++) {
    signed.push(await tokens.sign({ userId, role: 'USER', tokenGeneration: 1 }))
  }
  const plans = new Map<number, { token: string; steps: Step[] }>()
  let count = 0

  return {
    next(connection) {
      const plan = plans.get(connection) ?? begin(connection)
      const [step] = plan.steps
      return requestOf(step as Step, plan.token)
    },
    answered({ connection, status, body }: Answer) {
      const plan = plans.get(connection)
      if (plan === undefined) return
      const step = plan.steps.shift()
      // What was not taken ends the buyer; the run tells that it failed.
      if (status >= 300) plan.steps.length = 0
      else if (step?.name === 'order')
        plan.steps.push({ name: 'initiate', orderId: JSON.parse(body.toString()).id })
      else if (step?.name === 'initiate') plan.steps.push(...resultsOf(JSON.parse(body.toString())))
      if (plan.steps.length === 0) plans.delete(connection)
    },
  }

  function begin(connection: number) {
    const token = signed[count++ % signed.length] as string
    const plan = { token, steps: [{ name: 'order' as const }] as Step[] }
    plans.set(connection, plan)
    return plan
  }

  function resultsOf({ payment_id, order_id }: { payment_id: number; order_id: number }): Step[] {
    const told = (status: string): Step => ({
      name: 'result',
      body: JSON.stringify({ payment_id, order_id, status }),
    })
    const nth = count % 10
    if (nth === 0) return [told('SUCCESS'), told('SUCCESS')]
    return nth === 1 ? [told('FAILED'), told('SUCCESS')] : [told('SUCCESS')]
  }

  function requestOf(step: Step, token: string): GeneratorRequest {
    if (step.name === 'result') {
      const mac = createHmac('sha256', secret).update(step.body).digest('hex')
      return write('/payments/webhook', `X-Signature: sha256=${mac}`, step.body, [200], 'result')
    }
    const auth = `Authorization: Bearer ${token}`
    if (step.name === 'initiate') {
      return write('/payments/initiate', auth, JSON.stringify({ order_id: step.orderId }), [201], 'initiate')
    }
    const body = JSON.stringify({
      items: [{ ticket_id: ticketId, qty: 1 }],
      client_token: crypto.randomUUID(),
    })
    return write('/orders', auth, body, [201], 'order')
  }
}

function write(
  path: string,
  header: string,
  body: string,
  expected: number[],
  group: string,
): GeneratorRequest {
  const bytes = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: onsale\r\n${header}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  return { bytes, expected, group }
}
