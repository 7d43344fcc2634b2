import { Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { t } from 'elysia'
import { closed, id, orNull } from '../platform/fields.ts'
import type { PaymentResult } from './calls.ts'

const cents = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const currency = Type.String({ pattern: '^[A-Za-z]{3}$' })

export const initiateBody = t.Object({ order_id: id }, { ...closed, examples: [{ order_id: 9 }] })

export const initiateAnswer = t.Object(
  {
    payment_id: id,
    order_id: id,
    amount_cents: Type.Integer(),
    currency: t.String(),
    redirect_url: t.String({ format: 'uri' }),
  },
  {
    examples: [
      {
        payment_id: 3,
        order_id: 9,
        amount_cents: 5000,
        currency: 'EUR',
        redirect_url: 'https://shop.example/payments/simulator/eyJwYXltZW50SWQiOjN9.x1',
      },
    ],
  },
)

/** A result as our own form of webhook tells it; what a provider adds is left alone. */
export const resultBody = Type.Object(
  {
    payment_id: id,
    order_id: id,
    status: Type.Union([Type.Literal('SUCCESS'), Type.Literal('FAILED')]),
    amount_cents: Type.Optional(cents),
    currency: Type.Optional(currency),
  },
  { examples: [{ payment_id: 3, order_id: 9, status: 'SUCCESS', amount_cents: 5000, currency: 'EUR' }] },
)

export const webhookAnswer = t.Object(
  {
    outcome: t.Union(
      (['applied', 'duplicate', 'stale', 'ignored', 'failed'] as const).map((word) => t.Literal(word)),
    ),
    delivery_id: t.String(),
    order_status: orNull(t.String()),
    reason: t.Optional(t.String()),
  },
  { examples: [{ outcome: 'applied', delivery_id: '9f2c', order_status: 'PAID' }] },
)

export const simulatorParams = t.Object({
  token: t.String({ maxLength: 2_000, description: 'From `redirect_url`' }),
})

let check: TypeCheck<typeof resultBody> | undefined

/** What a body of our own form tells, or what is wrong with it, in one sentence. */
export function readResult(body: Uint8Array): { result: PaymentResult } | { fault: string } {
  let told: unknown
  try {
    told = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return { fault: 'Body is not JSON' }
  }
  // The package's other way to check, `value`, takes 13 to 30 ms of a start; Elysia has loaded this one.
  check ??= TypeCompiler.Compile(resultBody)
  if (!check.Check(told)) {
    const first = check.Errors(told).First()
    return { fault: `${first?.path ?? ''}: ${first?.message ?? 'Body is not a result of a payment'}` }
  }
  const { payment_id, order_id, status, amount_cents = null, currency = null } = told
  return {
    result: { paymentId: payment_id, orderId: order_id, status, amountCents: amount_cents, currency },
  }
}
