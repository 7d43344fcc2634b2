import type { OrderTickets } from './calls.ts'

/** A page for a person: HTML and the status it is answered with. */
export type Page = { status: number; html: string }

type Ticket = NonNullable<OrderTickets['tickets']>[number]

/**
 * The tickets of an order, one a card, to be shown or printed; or, where it is not PAID, what it is instead. `page` counts from
 * 1, `pathOf` leads to another one.
 */
export async function ticketPage(
  order: OrderTickets,
  { page, pathOf }: { page: number; pathOf: (page: number) => string },
): Promise<Page> {
  if (order.tickets === null) return unpaidPage(order)
  if (order.tickets.length === 0) return noTicketsPage()
  const when = clockOf(order.venue_timezone)
  const cards = await Promise.all(order.tickets.map((ticket) => cardOf(ticket, order, when)))
  return {
    status: 200,
    html: documentOf(
      `${order.title} – order ${order.order_id}`,
      [...cards, pagesOf(order.pages, page, pathOf)].join('\n'),
    ),
  }
}

/** What a link is answered that leads nowhere: it does not tell a wrong key from an order that there is not. */
export function noTicketsPage(): Page {
  return messagePage(404, 'No tickets here', 'This link leads to no tickets. Is all of it there?')
}

type UnpaidStatus = Exclude<OrderTickets['status'], 'PAID'>

function unpaidPage({ order_id, status, title, expires_at, venue_timezone }: OrderTickets): Page {
  const until = expires_at === null ? '' : ` until ${clockOf(venue_timezone)(expires_at)}`
  const words: Record<UnpaidStatus, [status: number, heading: string, sentence: string]> = {
    PENDING: [
      402,
      'Not paid yet',
      `It is held for you${until}. Once it is paid its tickets are here: load this page again then.`,
    ],
    FAILED: [402, 'Not paid', 'The payment failed, and its tickets are no longer held for you.'],
    EXPIRED: [410, 'Too late', 'It was not paid in time, and its tickets are no longer held for you.'],
    CANCELLED: [410, 'Cancelled', 'It was cancelled. Its tickets admit nobody.'],
    REFUND_DUE: [410, 'To be refunded', 'It is being paid back. Its tickets admit nobody.'],
    REFUNDED: [410, 'Refunded', 'It was paid back. Its tickets admit nobody.'],
  }
  const [code, heading, sentence] = words[status as UnpaidStatus]
  return messagePage(code, heading, `Order ${order_id}, ${title}. ${sentence}`)
}

function messagePage(status: number, heading: string, sentence: string): Page {
  const main = `<article class="message"><h1>${escaped(heading)}</h1><p>${escaped(sentence)}</p></article>`
  return { status, html: documentOf(heading, main) }
}

async function cardOf(
  { nth, name, code, is_void, checked_in_at }: Ticket,
  { order_id, title, starts_at, venue_name, venue_city, total }: OrderTickets,
  when: (instant: string) => string,
): Promise<string> {
  const venue = [venue_name, venue_city].filter((part) => part !== null).join(', ')
  const mark = is_void
    ? 'Void: admits nobody'
    : checked_in_at === null
      ? null
      : `Used: checked in ${when(checked_in_at)}`
  // What admits nobody must not look as if it did.
  const image = is_void ? '' : await qrCodeOf(code)
  return `<article class="ticket${mark === null ? '' : ' marked'}">
  <div class="what">
    <p class="name">${escaped(name)}</p>
    <h1>${escaped(title)}</h1>
    ${starts_at === null ? '' : `<p class="when">${escaped(when(starts_at))}</p>`}
    ${venue === '' ? '' : `<p class="where">${escaped(venue)}</p>`}
    <p class="order">Order ${order_id} · ticket ${nth} of ${total}</p>
    ${mark === null ? '' : `<p class="mark">${escaped(mark)}</p>`}
  </div>
  <div class="code">${image}<code>${escaped(code)}</code></div>
</article>`
}

/** As SVG; some 0.3 ms. Medium correction: readable with a seventh of it worn off. */
async function qrCodeOf(code: string): Promise<string> {
  // Loaded with the first page: a start without is 40 ms shorter.
  const { default: qrcode } = await import('qrcode')
  return await qrcode.toString(code, { type: 'svg', errorCorrectionLevel: 'M' })
}

function pagesOf(pages: number, page: number, pathOf: (page: number) => string): string {
  if (pages === 1) return ''
  const links = Array.from({ length: pages }, (_, index) => index + 1).map((nth) =>
    nth === page ? `<b>${nth}</b>` : `<a href="${escaped(pathOf(nth))}">${nth}</a>`,
  )
  return `<nav>Page ${links.join(' ')}</nav>`
}

/** Tells instants by the clock of the venue and names it; by UTC where its timezone is not known. */
function clockOf(timezone: string | null): (instant: string) => string {
  const timeZone = timezone !== null && isTimezone(timezone) ? timezone : 'UTC'
  const format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone })
  return (instant) => `${format.format(new Date(instant))} (${timeZone})`
}

/** A venue's timezone is whatever somebody wrote into it. */
function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Titles and names are anybody's: none of them is markup. */
function escaped(text: string): string {
  return Bun.escapeHTML(text)
}

function documentOf(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`
}

// Of its own, without a script: the page loads nothing.
const style = `
:root { color-scheme: light; font: 16px/1.4 system-ui, sans-serif; color: #16181d; background: #eceef2; }
body { margin: 0; padding: 1.5rem 1rem; }
main { max-width: 44rem; margin: auto; display: grid; gap: 1.25rem; }
article { background: #fff; border: 1px solid #ccd0d8; border-radius: .75rem; overflow-wrap: anywhere; }
h1 { margin: .15rem 0 .75rem; font-size: 1.6rem; line-height: 1.15; }
p { margin: .2rem 0; }
.message { padding: 1.5rem; }
.ticket { display: flex; }
.what { flex: 1; padding: 1.5rem; display: flex; flex-direction: column; }
.name { font-weight: 600; color: #4a5160; }
.when { font-weight: 600; }
.order { margin-top: auto; padding-top: 1rem; color: #4a5160; font-size: .875rem; }
.mark { align-self: start; padding: .1rem .6rem; border: 2px solid #a4161a; border-radius: .4rem; color: #a4161a; font-weight: 700; }
.code { flex: none; width: 12rem; padding: 1rem; border-left: 2px dashed #ccd0d8; text-align: center; }
.code svg { display: block; width: 100%; }
.code code { font: .75rem/1.3 ui-monospace, monospace; }
.marked .code { opacity: .35; }
.marked code { text-decoration: line-through; }
nav { text-align: center; }
nav a, nav b { padding: .25rem .5rem; }
@media (max-width: 34rem) {
  .ticket { flex-direction: column; }
  .code { width: auto; border-left: 0; border-top: 2px dashed #ccd0d8; }
  .code svg { max-width: 16rem; margin: auto; }
}
@media print {
  @page { margin: 12mm; }
  :root { background: none; }
  body { padding: 0; }
  main { display: block; max-width: none; }
  .ticket { flex-direction: row; break-inside: avoid; margin-bottom: 8mm; }
  .code { width: 12rem; border-left: 2px dashed #ccd0d8; border-top: 0; }
  nav { display: none; }
}
`
