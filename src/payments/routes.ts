import { Elysia, t } from 'elysia'
import type { Accounts, UserPrincipal } from '../accounts/accounts.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { paymentBodyBytesMax, webhookReadMsMax } from '../limits.ts'
import { secretPage, uncached } from '../platform/answer.ts'
import { createBodyReader } from '../platform/body.ts'
import { noQuery } from '../platform/fields.ts'
import { noStoreHeader, operation } from '../platform/operation.ts'
import type { Sales } from '../sales/sales.ts'
import type { TicketLinks } from '../sales/ticket_links.ts'
import { initiateAnswer, initiateBody, resultBody, simulatorParams, webhookAnswer } from './model.ts'
import { paidPage, paymentPage } from './page.ts'
import type { Payments } from './payments.ts'
import type { Simulated, Simulator } from './simulator.ts'

export type PaymentRoutesDeps = {
  payments: Pick<Payments, 'start' | 'receive'>
  sales: Pick<Sales, 'findEvent'>
  ticketLinks: Pick<TicketLinks, 'pathOf'>
  accounts: Pick<Accounts, 'requireUser'>
  config: Pick<Config, 'publicUrl' | 'paymentReturnUrl'>
  /** Null where no payment is simulated. */
  simulator: Simulator | null
}

/** `/payments/initiate`, `/payments/webhook`, and the page of a simulated payment. */
export function paymentRoutes({
  payments,
  sales,
  ticketLinks,
  accounts,
  config,
  simulator,
}: PaymentRoutesDeps) {
  const readBody = createBodyReader({ bytesMax: paymentBodyBytesMax, msMax: webhookReadMsMax })
  return new Elysia({ name: 'payments' })
    .use(buying())
    .use(telling())
    .use(simulator === null ? new Elysia() : simulating(simulator))

  /** For whoever is logged in; an admin may pay for everybody. */
  function buying() {
    return new Elysia({ name: 'payments buying' })
      .derive(async ({ request }) => ({ user: await accounts.requireUser(request.headers) }))
      .post(
        '/payments/initiate',
        async ({ user, body, request }) => await initiate(user, body.order_id, request),
        {
          query: noQuery,
          body: initiateBody,
          detail: operation({
            access: 'user',
            tags: ['Payments'],
            summary: 'Begin to pay an order',
            description:
              'The amount is the order’s. Send the buyer to `redirect_url`. An order has one live payment: asked again, the same one is answered with 200, and another one only when that has failed.',
            answers: {
              200: { schema: initiateAnswer, description: 'The live payment again' },
              201: { schema: initiateAnswer, description: 'Begun' },
            },
            errors: ['not_found', 'not_payable', 'busy', 'unavailable'],
            headers: noStoreHeader,
          }),
        },
      )
  }

  /** For payment providers, who sign what they tell. */
  function telling() {
    return new Elysia({ name: 'payments telling' }).post(
      '/payments/webhook',
      async ({ request }) => {
        const { outcome, deliveryId, orderStatus, reason } = await payments.receive(
          await readBody(request),
          request.headers,
        )
        return uncached({
          outcome,
          delivery_id: deliveryId,
          order_status: orderStatus,
          ...(reason === null ? {} : { reason }),
        } satisfies typeof webhookAnswer.static)
      },
      {
        // The bytes are what is signed: nothing may read them before the signature is checked.
        parse: 'none',
        detail: operation({
          access: 'signed',
          tags: ['Payments'],
          summary: 'Take the result of a payment',
          description:
            'From a payment provider. Answered after commit. SUCCESS after FAILED wins, FAILED after SUCCESS is `stale`. What cannot be applied (no such payment, another order, amount or currency, no result in the body) is kept as `failed`, changes nothing, and counts in `payment_results_total`. Stripe’s events come here too.',
          parameters: [
            {
              name: 'x-signature',
              in: 'header' as const,
              required: true,
              description:
                '`sha256=<hex>`: the HMAC-SHA256 of the body; or `t=<unix>,v1=<hex>`: that of `<unix>.<body>`, refused when it is too old',
              schema: { type: 'string' as const },
            },
          ],
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: resultBody as never, example: resultBody.examples?.[0] },
            },
          },
          answers: { 200: { schema: webhookAnswer } },
          errors: ['request_timeout', 'too_large', 'busy', 'unavailable'],
          headers: noStoreHeader,
        }),
      },
    )
  }

  function simulating(simulator: Simulator) {
    const detail = { access: 'link' as const, tags: ['Payments'] }
    return new Elysia({ name: 'payments simulating' })
      .get(
        '/payments/simulator/:token',
        ({ params }) => secretPage(paymentPage(opened(params.token)), { hasForm: true }),
        {
          query: noQuery,
          params: simulatorParams,
          detail: operation({
            ...detail,
            summary: 'The page of a simulated payment',
            description: 'To try with: not there in production.',
            answers: { 200: { contentType: 'text/html', schema: t.String(), example: '<!doctype html>' } },
          }),
        },
      )
      .post(
        '/payments/simulator/:token',
        async ({ params, request }) => {
          const simulated = opened(params.token)
          const status = new URLSearchParams(Buffer.from(await readBody(request)).toString()).get('status')
          if (status !== 'SUCCESS' && status !== 'FAILED') {
            throw new AppError('bad_request', 'status: Expected SUCCESS or FAILED')
          }
          const { body, signature } = simulator.tell(simulated, status)
          const headers = new Headers({ 'x-signature': signature })
          const { outcome, orderStatus } = await payments.receive(Buffer.from(body), headers)
          return secretPage(paidPage(simulated, outcome, orderStatus ?? 'unknown'))
        },
        {
          query: noQuery,
          params: simulatorParams,
          parse: 'none',
          detail: operation({
            ...detail,
            summary: 'Pay a simulated payment, or let it fail',
            description: 'What the buttons of the page send. The result goes the way of a signed webhook.',
            requestBody: {
              required: true,
              content: {
                'application/x-www-form-urlencoded': {
                  schema: {
                    type: 'object' as const,
                    properties: { status: { type: 'string' as const, enum: ['SUCCESS', 'FAILED'] } },
                    required: ['status'],
                  },
                  example: { status: 'SUCCESS' },
                },
              },
            },
            errors: ['request_timeout', 'too_large', 'busy', 'unavailable'],
            answers: { 200: { contentType: 'text/html', schema: t.String(), example: '<!doctype html>' } },
          }),
        },
      )

    function opened(token: string): Simulated {
      const simulated = simulator.open(token)
      if (simulated === null) throw new AppError('not_found', 'There is no such payment')
      return simulated
    }
  }

  async function initiate(user: UserPrincipal, orderId: number, request: Request): Promise<Response> {
    const userId = user.role === 'ADMIN' ? null : user.userId
    const eventId = await sales.findEvent(orderId)
    if (eventId === null) throw new AppError('not_found', 'There is no such order')
    const origin = config.publicUrl ?? new URL(request.url).origin
    const { isNew, paymentId, amountCents, currency, redirectUrl } = await payments.start({
      eventId,
      orderId,
      userId,
      origin,
      returnUrl:
        config.paymentReturnUrl?.replaceAll('{order_id}', String(orderId)) ??
        origin + ticketLinks.pathOf(orderId),
    })
    return uncached(
      {
        payment_id: paymentId,
        order_id: orderId,
        amount_cents: amountCents,
        currency,
        redirect_url: redirectUrl ?? '',
      } satisfies typeof initiateAnswer.static,
      { status: isNew ? 201 : 200 },
    )
  }
}
