import { expect, test } from 'bun:test'
import qrcode from 'qrcode'
import type { OrderTickets } from '../../src/sales/calls.ts'
import { orderStatuses } from '../../src/sales/calls.ts'
import { ticketPage } from '../../src/sales/ticket_page.ts'

const code = '6f1c2a9e0b7d4c35a8e1f2b3c4d5e6f7'
const ticket = { nth: 1, name: 'Stalls', code, is_void: false, checked_in_at: null }
const order: OrderTickets = {
  order_id: 9,
  status: 'PAID',
  expires_at: '2026-11-20T09:10:00.000Z',
  title: 'Rock Night',
  starts_at: '2026-12-01T19:00:00.000Z',
  venue_name: 'Harbour Hall',
  venue_city: 'Hamburg',
  venue_timezone: 'Europe/Berlin',
  tickets: [ticket],
  total: 3,
  pages: 1,
}

async function page(changes: Partial<OrderTickets> = {}, nth = 1) {
  return await ticketPage(
    { ...order, ...changes },
    { page: nth, pathOf: (other) => `/orders/9/tickets?key=k&page=${other}` },
  )
}

/** The dark modules of a QR code, as [row, column] without its quiet zone of four. */
function modulesOf(html: string): string[] {
  const path = / stroke="#000000" d="([^"]+)"/.exec(html)![1]!
  const dark: string[] = []
  let x = 0
  let y = 0
  for (const [, command = '', args = ''] of path.matchAll(/([Mmh])([^Mmh]+)/g)) {
    const [first = 0, second = 0] = args.trim().split(/\s+/).map(Number)
    if (command === 'M') [x, y] = [first, Math.floor(second)]
    if (command === 'm') x += first
    if (command === 'h') for (const end = x + first; x < end; x++) dark.push(`${y - 4} ${x - 4}`)
  }
  return dark
}

test('a ticket says what it admits to, when and where, and its place in the order', async () => {
  const { status, html } = await page()
  expect(status).toBe(200)
  for (const text of [
    'Rock Night',
    'Stalls',
    'Harbour Hall, Hamburg',
    'Order 9 · ticket 1 of 3',
    `<code>${code}</code>`,
    'Tuesday, 1 December 2026 at 20:00 (Europe/Berlin)',
  ]) {
    expect(html).toContain(text)
  }
})

test('its QR code is that of its code, to the module', async () => {
  const { modules } = qrcode.create(code, { errorCorrectionLevel: 'M' })
  const wanted = [...modules.data].flatMap((isDark, at) =>
    isDark ? [`${Math.floor(at / modules.size)} ${at % modules.size}`] : [],
  )
  expect(wanted.length).toBeGreaterThan(300)
  expect(modulesOf((await page()).html)).toEqual(wanted)
  const other = { ...ticket, code: `${code.slice(0, -1)}8` }
  expect(modulesOf((await page({ tickets: [other] })).html)).not.toEqual(wanted)
})

test('without a timezone that there is, its time is told by UTC', async () => {
  for (const venue_timezone of [null, 'Middle/Earth', '']) {
    expect((await page({ venue_timezone })).html).toContain('Tuesday, 1 December 2026 at 19:00 (UTC)')
  }
})

test('what is not known of an event is left out', async () => {
  const { html } = await page({ starts_at: null, venue_name: null, venue_city: null })
  expect(html).not.toMatch(/null|class="when"|class="where"|Invalid/)
})

test('a void ticket has no QR code, and a used one says when it was used', async () => {
  const voided = await page({ tickets: [{ ...ticket, is_void: true }] })
  expect(voided.html).toContain('Void: admits nobody')
  expect(voided.html).not.toContain('<svg')
  const used = await page({ tickets: [{ ...ticket, checked_in_at: '2026-12-01T18:30:00.000Z' }] })
  expect(used.html).toContain('Used: checked in Tuesday, 1 December 2026 at 19:30 (Europe/Berlin)')
  for (const mark of ['Void: ', 'Used: ']) expect((await page()).html).not.toContain(mark)
})

test('nothing that somebody wrote is markup', async () => {
  const evil = `<script>alert("'&")</script>`
  const { html } = await page({
    title: evil,
    venue_name: evil,
    venue_city: evil,
    tickets: [{ ...ticket, name: evil, code: evil }],
  })
  expect(html).not.toContain('<script')
  expect(html.split('&lt;script&gt;alert(&quot;&#x27;&amp;&quot;)&lt;/script&gt;')).toHaveLength(7)
  const pending = await page({ status: 'PENDING', tickets: null, title: evil })
  expect(pending.html).not.toContain('<script')
})

test('several pages are led to, and one leads nowhere', async () => {
  const { html } = await page({ pages: 3 }, 2)
  expect(html).toContain('<a href="/orders/9/tickets?key=k&amp;page=1">1</a> <b>2</b>')
  expect((await page()).html).not.toContain('<nav>')
  expect((await page({ tickets: [], pages: 3 }, 4)).status).toBe(404)
})

test('an order that is not paid says what it is, and shows no ticket', async () => {
  const statuses: Record<string, [number, RegExp]> = {
    PENDING: [402, /held for you until Friday, 20 November 2026 at 10:10 \(Europe\/Berlin\)/],
    FAILED: [402, /payment failed/],
    EXPIRED: [410, /not paid in time/],
    CANCELLED: [410, /was cancelled/],
    REFUND_DUE: [410, /being paid back/],
    REFUNDED: [410, /was paid back/],
  }
  for (const status of orderStatuses.filter((status) => status !== 'PAID')) {
    const [wanted, sentence] = statuses[status]!
    const shown = await page({ status, tickets: null })
    expect([status, shown.status]).toEqual([status, wanted])
    expect(shown.html).toMatch(sentence)
    expect(shown.html).toContain('Order 9, Rock Night')
    expect(shown.html).not.toContain('<svg')
  }
})
