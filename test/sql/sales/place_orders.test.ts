import { describe, expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent, type TestTicket } from '../../catalog.ts'
import { addUser, countersOf, type Placed, place, ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()
const outcomes = (placed: readonly Placed[]) => placed.map(({ outcome }) => outcome)

/** An event with these tickets, its ticket ids, and two users. */
async function shop(sql: TransactionSql, ...tickets: TestTicket[]) {
  const event = await addEvent(sql, { tickets })
  const [first = 0, second = 0] = await ticketsOf(sql, event)
  return { event, first, second, ann: await addUser(sql), bob: await addUser(sql) }
}

const left = (capacity: number | null, price = 2500): TestTicket => ({ direct: { capacity }, price })
const free = (capacity: number) => left(capacity, 0)

describe('what is left', () => {
  check('a priced order holds its units until it expires', async (sql) => {
    const { event, first, ann } = await shop(sql, left(10))
    const [placed] = await place(sql, event, [{ user: ann, token: 'a', items: [[first, 2]] }])
    expect(placed).toMatchObject({
      outcome: 'placed',
      body: {
        event_id: event,
        channel: 'direct',
        status: 'PENDING',
        total_cents: 5000,
        currency: 'EUR',
        version: 1,
        client_token: 'a',
        items: [{ ticket_id: first, sku: null, name: 'General', qty: 2, price_cents: 2500 }],
        units: null,
        expires_at: '2026-11-01T12:10:00.000Z',
        created_at: '2026-11-01T12:00:00.000Z',
      },
      detail: null,
    })
    expect(await countersOf(sql, event)).toEqual({ [first]: [2, 0, 8] })
  })

  check('a free order is paid at once and has a code for each unit', async (sql) => {
    const { event, first, ann } = await shop(sql, free(10))
    const [placed] = await place(sql, event, [{ user: ann, items: [[first, 2]] }])
    expect(placed!.body).toMatchObject({ status: 'PAID', total_cents: 0, expires_at: null })
    const codes = placed!.body.units!.map(({ code }) => code)
    expect(new Set(codes).size).toBe(2)
    for (const code of codes) expect(code).toMatch(/^[0-9a-f]{32}$/)
    expect(await countersOf(sql, event)).toEqual({ [first]: [0, 2, 8] })
  })

  check('a batch gives the last units in its order, and passes over what does not fit', async (sql) => {
    const { event, first, ann, bob } = await shop(sql, free(3))
    const carl = await addUser(sql)
    const dora = await addUser(sql)
    const placed = await place(sql, event, [
      { user: ann, items: [[first, 2]] },
      { user: bob, items: [[first, 2]] },
      { user: carl, items: [[first, 1]] },
      { user: dora, items: [[first, 1]] },
    ])
    expect(outcomes(placed)).toEqual(['placed', 'sold_out', 'placed', 'sold_out'])
    expect(await countersOf(sql, event)).toEqual({ [first]: [0, 3, 0] })
  })

  check('an order of two tickets is taken whole or not at all', async (sql) => {
    const { event, first, second, ann, bob } = await shop(sql, free(5), free(1))
    expect(
      outcomes(
        await place(sql, event, [
          {
            user: ann,
            items: [
              [first, 1],
              [second, 1],
            ],
          },
        ]),
      ),
    ).toEqual(['placed'])
    expect(
      outcomes(
        await place(sql, event, [
          {
            user: bob,
            items: [
              [first, 1],
              [second, 1],
            ],
          },
        ]),
      ),
    ).toEqual(['sold_out'])
    expect(await countersOf(sql, event)).toEqual({ [first]: [0, 1, 4], [second]: [0, 1, 0] })
  })

  check('a ticket that stands twice in a request counts together', async (sql) => {
    const { event, first, ann } = await shop(sql, free(1))
    expect(
      outcomes(
        await place(sql, event, [
          {
            user: ann,
            items: [
              [first, 1],
              [first, 1],
            ],
          },
        ]),
      ),
    ).toEqual(['sold_out'])
  })

  check(
    'what unpaid orders hold is told from what is sold, with when the first of them ends',
    async (sql) => {
      const { event, first, ann, bob } = await shop(sql, left(2))
      await place(sql, event, [{ user: ann, items: [[first, 2]] }])
      const [placed] = await place(sql, event, [{ user: bob, items: [[first, 1]] }], {
        now: '2026-11-01T12:04:00Z',
      })
      expect(placed).toEqual({
        outcome: 'held_by_others',
        body: null as never,
        detail: { retry_after_seconds: 360 },
      })
    },
  )

  check('at the instant at which a hold ends its units are free to the next', async (sql) => {
    const { event, first, ann, bob } = await shop(sql, left(2))
    await place(sql, event, [{ user: ann, items: [[first, 2]] }])
    const ask = (now: string) => place(sql, event, [{ user: bob, items: [[first, 2]] }], { now })
    expect(outcomes(await ask('2026-11-01T12:09:59.999999Z'))).toEqual(['held_by_others'])
    expect(outcomes(await ask('2026-11-01T12:10:00Z'))).toEqual(['placed'])
    const rows = await sql`select status from onsale.orders where event_id = ${event} order by id`
    expect(rows.map(({ status }) => status)).toEqual(['EXPIRED', 'PENDING'])
  })

  check('a ticket without a bound is never sold out', async (sql) => {
    const { event, first, ann } = await shop(sql, left(null, 0))
    expect(outcomes(await place(sql, event, [{ user: ann, items: [[first, 2]] }]))).toEqual(['placed'])
  })
})

describe('who may', () => {
  check('the limit counts all orders of the user that live, within a batch and before it', async (sql) => {
    const { event, first, second, ann, bob } = await shop(sql, free(10), left(10))
    const placed = await place(sql, event, [
      { user: ann, items: [[first, 1]] },
      { user: ann, items: [[second, 1]] },
      { user: ann, items: [[first, 1]] },
      { user: bob, items: [[first, 2]] },
    ])
    expect(outcomes(placed)).toEqual(['placed', 'placed', 'limit_reached', 'placed'])
    expect(placed[2]!.detail).toEqual({ limit: 2, owned: 2 })
    expect(outcomes(await place(sql, event, [{ user: ann, items: [[second, 1]] }]))).toEqual([
      'limit_reached',
    ])
  })

  check('an order whose time is over counts no more', async (sql) => {
    const { event, first, ann } = await shop(sql, left(10))
    await place(sql, event, [{ user: ann, items: [[first, 2]] }])
    const ask = (now: string) => place(sql, event, [{ user: ann, items: [[first, 1]] }], { now })
    expect(outcomes(await ask('2026-11-01T12:09:59Z'))).toEqual(['limit_reached'])
    expect(outcomes(await ask('2026-11-01T12:10:00Z'))).toEqual(['placed'])
  })

  check('an event without a limit has none', async (sql) => {
    const { event, first, ann } = await shop(sql, free(100))
    await sql`update onsale.events set per_user_limit = null where id = ${event}`
    expect(outcomes(await place(sql, event, [{ user: ann, items: [[first, 60]] }]))).toEqual(['placed'])
  })
})

describe('the same request again', () => {
  check('is the same order, as it was answered, whatever has become of it', async (sql) => {
    const { event, first, ann } = await shop(sql, left(10))
    const request = { user: ann, token: 'once', items: [[first, 2]] as [number, number][] }
    const [before] = await place(sql, event, [request])
    const [again] = await place(sql, event, [request], { now: '2026-11-01T13:00:00Z' })
    expect(again!.outcome).toBe('replayed')
    expect(again!.body).toEqual(before!.body)
  })

  check('within one batch makes one order', async (sql) => {
    const { event, first, ann } = await shop(sql, free(10))
    const request = { user: ann, token: 'once', items: [[first, 1]] as [number, number][] }
    const placed = await place(sql, event, [request, request, request])
    expect(outcomes(placed)).toEqual(['placed', 'replayed', 'replayed'])
    expect(new Set(placed.map(({ body }) => body.id)).size).toBe(1)
    expect(placed[1]!.body).toEqual(placed[0]!.body)
  })

  check('with other items is a conflict; of another user it is another request', async (sql) => {
    const { event, first, ann, bob } = await shop(sql, free(10))
    const ask = (user: number, quantity: number) => ({
      user,
      token: 'once',
      items: [[first, quantity]] as [number, number][],
    })
    expect(outcomes(await place(sql, event, [ask(ann, 1), ask(ann, 2), ask(bob, 2)]))).toEqual([
      'placed',
      'conflict',
      'placed',
    ])
    expect(outcomes(await place(sql, event, [ask(ann, 2)]))).toEqual(['conflict'])
  })

  check('after a refusal is judged anew', async (sql) => {
    const { event, first, ann } = await shop(sql, free(0))
    const request = { user: ann, token: 'once', items: [[first, 1]] as [number, number][] }
    expect(outcomes(await place(sql, event, [request, request]))).toEqual(['sold_out', 'sold_out'])
    await sql`update onsale.stock set capacity = 1 where event_id = ${event}`
    expect(outcomes(await place(sql, event, [request]))).toEqual(['placed'])
  })
})

describe('what is not on sale', () => {
  const ask = async (
    sql: TransactionSql,
    change: (event: number) => Promise<unknown>,
    ticket: TestTicket = free(10),
  ) => {
    const { event, first, ann } = await shop(sql, ticket)
    await change(event)
    return outcomes(await place(sql, event, [{ user: ann, items: [[first, 1]] }]))[0]
  }
  const nothing = async () => {}

  check('a paused channel takes no orders, and takes them again when it is resumed', async (sql) => {
    const pause = (isPaused: boolean) => (event: number) =>
      sql`update onsale.events set is_sales_paused = ${isPaused} where id = ${event}`
    expect(await ask(sql, pause(true))).toBe('sales_paused')
    expect(await ask(sql, pause(false))).toBe('placed')
  })

  check(
    'a draft, an archived and a deleted event have no tickets to order; an unlisted one has',
    async (sql) => {
      const set = (status: string) => (event: number) =>
        sql`update onsale.events set status = ${status} where id = ${event}`
      expect(await ask(sql, set('draft'))).toBe('unknown_ticket')
      expect(await ask(sql, set('archived'))).toBe('unknown_ticket')
      expect(await ask(sql, set('unlisted'))).toBe('placed')
      expect(
        await ask(sql, (event) => sql`update onsale.events set deleted_at = now() where id = ${event}`),
      ).toBe('unknown_ticket')
    },
  )

  check('an event that is over, and a ticket before and after its sale', async (sql) => {
    const over = (event: number) =>
      sql`update onsale.events set starts_at = '2026-10-01', ends_at = '2026-11-01T11:59:59Z' where id = ${event}`
    expect(await ask(sql, over)).toBe('not_on_sale')
    expect(await ask(sql, nothing, { ...free(10), saleStartsAt: '2026-11-01T12:00:01Z' })).toBe('not_on_sale')
    expect(await ask(sql, nothing, { ...free(10), saleStartsAt: '2026-11-01T12:00:00Z' })).toBe('placed')
    expect(await ask(sql, nothing, { ...free(10), saleEndsAt: '2026-11-01T12:00:00Z' })).toBe('not_on_sale')
    expect(await ask(sql, nothing, { ...free(10), saleEndsAt: '2026-11-01T12:00:01Z' })).toBe('placed')
  })

  check(
    'a ticket that is hidden, removed, of another event or nowhere is unknown; one of Shopify alone is not sold here',
    async (sql) => {
      expect(await ask(sql, nothing, { ...free(10), isVisible: false })).toBe('unknown_ticket')
      expect(await ask(sql, nothing, { ...free(10), isRemoved: true })).toBe('unknown_ticket')
      expect(await ask(sql, nothing, { direct: null })).toBe('not_on_sale')
      const { event, first, ann } = await shop(sql, free(10))
      const other = await shop(sql, free(10))
      expect(outcomes(await place(sql, event, [{ user: ann, items: [[other.first, 1]] }]))).toEqual([
        'unknown_ticket',
      ])
      expect(
        outcomes(
          await place(sql, event, [
            {
              user: ann,
              items: [
                [first, 1],
                [999_999, 1],
              ],
            },
          ]),
        ),
      ).toEqual(['unknown_ticket'])
      expect(outcomes(await place(sql, 999_999, [{ user: ann, items: [[first, 1]] }]))).toEqual([
        'unknown_ticket',
      ])
    },
  )
})

check('a refusal writes nothing, and a sale tells every process', async (sql) => {
  const { event, first, ann, bob } = await shop(sql, free(1))
  const revision = async () =>
    (await sql`select revision::integer from onsale.event_revisions where event_id = ${event}`)[0]!.revision
  const before = await revision()
  await place(sql, event, [{ user: ann, items: [[first, 2]] }])
  expect(await revision()).toBe(before)
  await place(sql, event, [{ user: bob, items: [[first, 1]] }])
  expect(await revision()).toBe(before + 1)
  await place(sql, event, [{ user: ann, items: [[first, 1]] }])
  expect(await revision()).toBe(before + 1)
})
