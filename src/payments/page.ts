import type { Simulated } from './simulator.ts'

/** The page on which a simulated payment is paid, or fails, by a click. */
export function paymentPage({ orderId, amountCents, currency }: Simulated): string {
  return page(
    `Pay order ${orderId}`,
    `<p class="amount">${amountText(amountCents, currency)}</p>
    <form method="post">
      <button name="status" value="SUCCESS">Pay</button>
      <button name="status" value="FAILED" class="plain">Let it fail</button>
    </form>
    <p>This is a simulated payment: no money moves. A click sends the result as a signed webhook, as a provider would.</p>`,
  )
}

/** What the page says after a click. */
export function paidPage({ orderId, returnUrl }: Simulated, outcome: string, orderStatus: string): string {
  return page(
    `Order ${orderId} is ${orderStatus}`,
    `<p>The result was sent, and its outcome is <b>${escaped(outcome)}</b>.</p>
    <p><a href="${escaped(returnUrl)}">Go on</a></p>`,
  )
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>${escaped(title)}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; color: #1b1b1f }
      h1 { font-size: 1.4rem }
      .amount { font-size: 2.4rem; margin: .5rem 0 }
      button { font: inherit; padding: .6rem 1.4rem; border: 1px solid #1d5fd1; border-radius: .4rem; background: #1d5fd1; color: #fff }
      button.plain { background: none; color: inherit; border-color: #b4b4bb }
    </style>
  </head>
  <body>
    <h1>${escaped(title)}</h1>
    ${content}
  </body>
</html>
`
}

/** As people write it: 25.00 EUR, 2500 JPY. */
function amountText(amountCents: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' })
  const { maximumFractionDigits = 2 } = format.resolvedOptions()
  return escaped(format.format(amountCents / 10 ** maximumFractionDigits))
}

function escaped(text: string): string {
  return Bun.escapeHTML(text)
}
