import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Delivery } from '../../src/intake/model.ts'
import type { Session } from '../../src/platform/database.ts'
import { apply, delivery, level, order, product, stockOf, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addJob, claim, complete } from '../jobs.ts'
import { ordered, results, start } from '../payments.ts'
import { addUser, change, place } from '../sales.ts'
import { blockersOf, type TestSession, withSessions } from './sessions.ts'

// The lock order of sql/README.md, held against real sessions. A first batch is stopped in the middle, by a lock of
// ours on one row of one table; a second batch about the same rows in the opposite order then has to queue up behind
// the first without holding anything that the first still needs. When ours is let go both must finish. What the first
// holds meanwhile is asked row by row: all that stand before the middle, and none behind it.

let database: TestDatabase
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  await expectVerified(database.admin)
  await database.drop()
})

const at = (second: number) => `2026-11-01T12:00:${String(second).padStart(2, '0')}+01:00`

// Nine things, the fifth in the middle.
const things = [1, 2, 3, 4, 5, 6, 7, 8, 9]

/** An event with two tickets; the second of a thing has no product yet where its number is above 100. */
const ticketOf = (nth: number, second = false) => nth * 10 + (second ? 2 : 1)
const productOf = (nth: number, at_ = at(0)) =>
  product({
    id: nth,
    title: `Night ${nth} at ${at_}`,
    updated_at: at_,
    variants: [variant({ id: ticketOf(nth) }), variant({ id: ticketOf(nth, true) })],
  })
const sale = (orderId: number, variantId: number, second = 0) =>
  delivery(
    'orders/updated',
    order({
      id: orderId,
      updated_at: at(second),
      lines: [{ id: 1, variant_id: variantId, quantity: 1 + second }],
    }),
  )
const told = (variantId: number, second: number, location_id = 1) =>
  delivery(
    'inventory_levels/update',
    level(50 - second, { inventory_item_id: variantId + 1000, updated_at: at(second), location_id }),
  )

const known = (): Delivery[] => [
  ...things.map((nth) => delivery('products/create', productOf(nth))),
  ...things.map((nth) => sale(nth, ticketOf(nth))),
  ...things.map((nth) => told(ticketOf(nth), 0)),
  // Of these nobody knows the ticket.
  ...things.map((nth) => sale(100 + nth, ticketOf(100 + nth))),
  ...things.map((nth) => told(ticketOf(100 + nth), 0)),
]

type Contest = {
  /** What the n-th batch says about a thing: rows of this table, and no rows of an earlier one, are in both. */
  says: (batch: 1 | 2, nth: number) => Delivery
  /** Locks the row of a thing, or makes it. Null where there is one row for all of them. */
  lock: ((sql: Session, nth: number) => PromiseLike<unknown>) | null
}

const contests: Record<string, Contest> = {
  shopify_orders: {
    says: (batch, nth) => sale(nth, ticketOf(nth), batch),
    lock: (sql, nth) => sql`select from onsale.shopify_orders where order_id = ${nth} for update`,
  },
  'shopify_orders that are new': {
    says: (batch, nth) => sale(200 + nth, ticketOf(nth), batch),
    lock: (sql, nth) => sql`
      insert into onsale.shopify_orders (order_id, shop, status, is_test, stamp)
      values (${200 + nth}, '', 'open', false, row('-infinity', 0, '')::onsale.stamp)`,
  },
  shopify_products: {
    says: (batch, nth) => delivery('products/update', productOf(nth, at(batch))),
    lock: (sql, nth) => sql`select from onsale.shopify_products where product_id = ${nth} for update`,
  },
  'shopify_products that are new': {
    says: (batch, nth) => delivery('products/update', productOf(200 + nth, at(batch))),
    lock: (sql, nth) => sql`insert into onsale.shopify_products (product_id) values (${200 + nth})`,
  },
  'shopify_variants without ticket': {
    says: (batch, nth) => sale(200 + batch * 100 + nth, ticketOf(100 + nth)),
    lock: (sql, nth) =>
      sql`select from onsale.shopify_variants where variant_id = ${ticketOf(100 + nth)} for update`,
  },
  'shopify_variants that are new': {
    says: (batch, nth) => sale(200 + batch * 100 + nth, ticketOf(200 + nth)),
    lock: (sql, nth) => sql`insert into onsale.shopify_variants (variant_id) values (${ticketOf(200 + nth)})`,
  },
  'inventory_items without variant': {
    says: (batch, nth) => told(ticketOf(100 + nth), batch, 1 + batch),
    lock: (sql, nth) =>
      sql`select from onsale.inventory_items where inventory_item_id = ${ticketOf(100 + nth) + 1000} for update`,
  },
  'inventory_items that are new': {
    says: (batch, nth) => told(ticketOf(200 + nth), batch, 1 + batch),
    lock: (sql, nth) =>
      sql`insert into onsale.inventory_items (inventory_item_id) values (${ticketOf(200 + nth) + 1000})`,
  },
  inventory_levels: {
    says: (batch, nth) => told(ticketOf(nth), batch),
    lock: (sql, nth) =>
      sql`select from onsale.inventory_levels where inventory_item_id = ${ticketOf(nth) + 1000} for update`,
  },
  'inventory_levels that are new': {
    says: (batch, nth) => told(ticketOf(nth), batch, 7),
    lock: (sql, nth) => sql`
      insert into onsale.inventory_levels (inventory_item_id, location_id, available, is_disconnected, stamp)
      values (${ticketOf(nth) + 1000}, 7, 0, false, row('-infinity', 0, '')::onsale.stamp)`,
  },
  'stock, by orders': {
    says: (batch, nth) => sale(200 + batch * 100 + nth, ticketOf(nth)),
    lock: lockStock,
  },
  'stock, by levels': {
    says: (batch, nth) => told(ticketOf(nth), batch, 1 + batch),
    lock: lockStock,
  },
  event_revisions: {
    says: (batch, nth) => sale(200 + batch * 100 + nth, ticketOf(nth, batch === 2)),
    lock: (sql, nth) => sql`
      select from onsale.event_revisions
      where event_id = (select id from onsale.events where shopify_product_id = ${nth}) for update`,
  },
  catalogue: {
    says: (batch, nth) => delivery('products/update', productOf(100 * batch + 200 + nth)),
    lock: null,
  },
  failed_deliveries: {
    says: (_, nth) => delivery('orders/create', { id: nth }, { id: `bad ${nth}` }),
    lock: (sql, nth) => sql`
      insert into onsale.failed_deliveries
        (shop, delivery_id, topic, triggered_ns, body, reason, failed_at, next_attempt_at)
      values ('demo.myshopify.com', ${`bad ${nth}`}, 'orders/create', 0, '', '', now(), now())`,
  },
  deliveries: {
    says: (_, nth) => delivery('themes/publish', {}, { id: `same ${nth}` }),
    lock: (sql, nth) => sql`
      insert into onsale.deliveries (shop, delivery_id, topic, received_at, outcome)
      values ('demo.myshopify.com', ${`same ${nth}`}, 'themes/publish', now(), 'ignored')`,
  },
}

function lockStock(sql: Session, nth: number) {
  return sql`
    select from onsale.stock
    where ticket_id = (select id from onsale.tickets where shopify_variant_id = ${ticketOf(nth)}) for update`
}

describe('a batch that is stopped at', () => {
  for (const [table, { says, lock }] of Object.entries(contests)) {
    test(`${table} lets one about the same rows in the opposite order queue up behind it`, async () => {
      // One call for each, so that our ids follow the order of Shopify's.
      for (const one of known()) await apply(database.service, one)
      await withSessions(database, 4, async (blocker, first, second, asking) => {
        await blocker.sql`begin`
        await (lock ? lock(blocker.sql, 5) : blocker.sql`select from onsale.catalogue for update`)
        const one = apply(first.sql, ...shuffled(things).map((nth) => says(1, nth)))
        expect(await blockersOf(database, first)).toEqual([blocker.pid])
        if (lock) expect(await heldOf(asking.sql, lock)).toEqual([1, 2, 3, 4, 5])
        const two = apply(second.sql, ...things.toReversed().map((nth) => says(2, nth)))
        await blockersOf(database, second)
        await blocker.sql`rollback`
        expect([...(await one), ...(await two)]).toHaveLength(18)
      })
    })
  }

  const shuffled = (items: number[]) => items.toSorted((one, other) => ((one * 7) % 11) - ((other * 7) % 11))

  /** The things whose row somebody holds. */
  async function heldOf(sql: Session, lock: NonNullable<Contest['lock']>): Promise<number[]> {
    const held = []
    for (const nth of things) {
      await sql`begin`
      await sql`set local lock_timeout = '25ms'`
      const isHeld = await Promise.resolve(lock(sql, nth)).then(
        () => false,
        (error: { code?: string }) => error.code === '55P03',
      )
      await sql`rollback`
      if (isHeld) held.push(nth)
    }
    return held
  }
})

describe('the sales of an event', () => {
  type Sale = Awaited<ReturnType<typeof onSale>>
  type Work = {
    does: (sql: Session, sale: Sale) => Promise<unknown>
    /** Locks a row that it comes to behind the lock on the sales, or makes it. */
    lock: (sql: Session, sale: Sale) => PromiseLike<unknown>
  }

  const works: Record<string, Work> = {
    place_orders: {
      does: (sql, { event, ticket, late }) => place(sql, event, [{ user: late, items: [[ticket, 1]] }]),
      lock: (sql, { ticket }) => sql`select from onsale.stock where ticket_id = ${ticket} for update`,
    },
    update_order_statuses: {
      does: (sql, { event, orders }) => change(sql, event, [{ order: orders[1] ?? 0, status: 'CANCELLED' }]),
      lock: (sql, { orders }) => sql`select from onsale.orders where id = ${orders[1] ?? 0} for update`,
    },
    expire_orders: {
      does: (sql, { event }) => sql`select api.expire_orders(${event}, '2026-11-01T12:10:00Z')`.execute(),
      lock: (sql, { orders }) => sql`select from onsale.orders where id = ${orders[1] ?? 0} for update`,
    },
    place_payments: {
      does: (sql, { event, orders }) => start(sql, event, orders[1] ?? 0),
      lock: (sql, { event, orders }) => sql`
        insert into onsale.payments (event_id, order_id, provider, amount_cents, currency, created_at, updated_at)
        values (${event}, ${orders[1] ?? 0}, 'sandbox', 5000, 'EUR', now(), now())`,
    },
    update_payments: {
      does: (sql, { event, payment }) =>
        sql`select r.outcome from api.update_payments(${event}, array[${payment}::bigint], array[${`far ${event}`}], '{null}') r`.execute(),
      lock: (sql, { payment }) => sql`select from onsale.payments where id = ${payment} for update`,
    },
  }

  for (const [name, { does, lock }] of Object.entries(works)) {
    test(`${name} that is stopped in the middle has the others queue up for their lock with nothing in hand`, async () => {
      for (const [otherName, other] of Object.entries(works)) {
        const sale = await onSale()
        await withSessions(database, 3, async (blocker, first, second) => {
          await blocker.sql`begin`
          await lock(blocker.sql, sale)
          const one = does(first.sql, sale)
          expect([name, await blockersOf(database, first)]).toEqual([name, [blocker.pid]])
          const two = other.does(second.sql, sale)
          expect([otherName, await blockersOf(database, second)]).toEqual([otherName, [first.pid]])
          expect([otherName, await lockCountOf(second)]).toEqual([otherName, 0])
          await blocker.sql`rollback`
          await Promise.all([one, two])
        })
      }
    })
  }

  /** Two orders that are not paid, an attempt to pay the first, and somebody who has none. */
  async function onSale() {
    const sale = await ordered(database.admin, { buyers: 2 })
    const { payment_id: payment } = await start(database.admin, sale.event, sale.order)
    return { ...sale, payment, late: await addUser(database.admin) }
  }

  /** Who has locked or written a row has a transaction id, which is a lock itself. */
  async function lockCountOf({ pid }: TestSession): Promise<number> {
    const [row] = await database.admin<{ count: number }[]>`
      select count(*)::integer as count from pg_locks
      where pid = ${pid} and granted and locktype in ('advisory', 'transactionid')`
    return row!.count
  }
})

test('new words that two batches bring in opposite parts do not lock each other out', async () => {
  const night = (id: number, title: string, second = 0) =>
    delivery('products/update', product({ id, title, updated_at: at(second), variants: [] }))
  await apply(database.service, night(1, 'one'), night(2, 'two'))
  await withSessions(database, 3, async (blocker, first, second) => {
    await blocker.sql`begin`
    await blocker.sql`insert into onsale.search_words (word) values ('aa')`
    // Of each batch one product is edited and one is new: two statements' worth of words.
    const one = apply(first.sql, night(1, 'zzz', 1), night(3, 'aa aaa'))
    await blockersOf(database, first)
    const two = apply(second.sql, night(2, 'aaa', 1), night(4, 'zzz'))
    await Promise.race([two, Bun.sleep(300)])
    await blocker.sql`rollback`
    expect([...(await one), ...(await two)]).toEqual(Array(4).fill('applied'))
  })
})

describe('the gate', () => {
  const redact = (customer: number, id?: string) =>
    delivery(
      'customers/redact',
      { customer: { id: customer }, orders_to_redact: [] },
      id === undefined ? {} : { id },
    )

  test('a privacy request waits for the batches under way, and those behind it for the request', async () => {
    await withSessions(database, 3, async (batch, request, late) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('orders/create', order({ customer: { id: 8 } })))
      const redacted = apply(request.sql, redact(8))
      expect(await blockersOf(database, request)).toEqual([batch.pid])
      const after = apply(late.sql, delivery('orders/create', order({ id: 501, customer: { id: 8 } })))
      await blockersOf(database, late)
      await batch.sql`commit`
      expect([...(await redacted), ...(await after)]).toEqual(['applied', 'applied'])
    })
    const rows = await database.admin`select customer_id from onsale.shopify_orders`
    expect([...rows]).toEqual([{ customer_id: null }, { customer_id: null }])
  })

  test('a failure that is being kept is over before the request looks for its bytes', async () => {
    const bytes = Buffer.from('{"customer":{"id":8},').toString('base64')
    await withSessions(database, 2, async (failing, request) => {
      await failing.sql`begin`
      await failing.sql`
        select api.fail_deliveries(
          array['demo.myshopify.com'], array['x'], array['orders/create'], array[0::bigint], array[null::text],
          array[null::text], array[${bytes}::text], array['22P02'], array['no JSON'])`
      const redacted = apply(request.sql, redact(8))
      expect(await blockersOf(database, request)).toEqual([failing.pid])
      await failing.sql`commit`
      expect(await redacted).toEqual(['applied'])
    })
    expect([...(await database.admin`select length(body) as bytes from onsale.failed_deliveries`)]).toEqual([
      { bytes: 0 },
    ])
  })

  test('a request that fails in part keeps its failure although others wait at the gate', async () => {
    await withSessions(database, 3, async (batch, request, late) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('orders/create', order()))
      const redacted = apply(request.sql, redact(8), delivery('customers/redact', {}))
      await blockersOf(database, request)
      const after = apply(late.sql, delivery('orders/create', { id: 1 }))
      await blockersOf(database, late)
      await batch.sql`commit`
      expect([...(await redacted), ...(await after)]).toEqual(['applied', 'failed', 'failed'])
    })
  })

  test('a change of the tag waits for the batches that went by the old one, and reaches what they brought', async () => {
    await withSessions(database, 2, async (batch, deploy) => {
      await batch.sql`begin`
      await apply(batch.sql, delivery('products/create', product()))
      const changed = deploy.sql`select api.update_settings('EUR', 'ticket', null, true, 0)`.execute()
      expect(await blockersOf(database, deploy)).toEqual([batch.pid])
      await batch.sql`commit`
      await changed
    })
    expect([...(await database.admin`select status from onsale.events`)]).toEqual([{ status: 'archived' }])
  })
})

test('a repair beside a batch about the same tickets waits for it and believes nothing of before', async () => {
  await apply(database.service, ...known())
  await database.admin`update onsale.stock set sold = sold + 5, capacity = capacity + 5`
  await withSessions(database, 2, async (batch, repair) => {
    await batch.sql`begin`
    await apply(batch.sql, ...things.flatMap((nth) => [sale(nth, ticketOf(nth), 3), told(ticketOf(nth), 3)]))
    const repaired = repair.sql`select from api.update_stock()`.execute()
    expect(await blockersOf(database, repair)).toEqual([batch.pid])
    await batch.sql`commit`
    await repaired
  })
  expect(await stockOf(database.admin, 21)).toMatchObject({ base: 47, sold: 4 })
})

test('the same delivery in two batches at once is applied by one and a duplicate in the other', async () => {
  const one = delivery('orders/create', order())
  await apply(database.service, delivery('products/create', product()))
  await withSessions(database, 2, async (first, second) => {
    await first.sql`begin`
    expect(await apply(first.sql, one)).toEqual(['applied'])
    const again = apply(second.sql, one)
    expect(await blockersOf(database, second)).toEqual([first.pid])
    await first.sql`commit`
    expect(await again).toEqual(['duplicate'])
  })
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
})

test('the same delivery in two batches at once, and the first undone: the second applies it', async () => {
  const one = delivery('orders/create', order())
  await apply(database.service, delivery('products/create', product()))
  await withSessions(database, 2, async (first, second) => {
    await first.sql`begin`
    await apply(first.sql, one)
    const again = apply(second.sql, one)
    await blockersOf(database, second)
    await first.sql`rollback`
    expect(await again).toEqual(['applied'])
  })
  expect(await stockOf(database.admin)).toMatchObject({ sold: 1 })
})

test('an order and the product that makes its ticket at once: whoever waits sees the other', async () => {
  for (const [nth, isOrderFirst] of [true, false].entries()) {
    const id = 10 + nth
    const made = delivery('products/create', product({ id, variants: [variant({ id })] }))
    const sold = delivery('orders/create', order({ id, lines: [{ id: 1, variant_id: id, quantity: 3 }] }))
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      await apply(first.sql, isOrderFirst ? sold : made)
      const other = apply(second.sql, isOrderFirst ? made : sold)
      expect(await blockersOf(database, second)).toEqual([first.pid])
      await first.sql`commit`
      await other
    })
    expect(await stockOf(database.admin, id)).toMatchObject({ sold: 3, available: 97 })
  }
})

test('a level and the product that names its item at once: whoever waits sees the other', async () => {
  for (const [nth, isLevelFirst] of [true, false].entries()) {
    const id = 10 + nth
    const made = delivery('products/create', product({ id, variants: [variant({ id })] }))
    const told = delivery('inventory_levels/update', level(7, { inventory_item_id: id + 1000 }))
    await withSessions(database, 2, async (first, second) => {
      await first.sql`begin`
      await apply(first.sql, isLevelFirst ? told : made)
      const other = apply(second.sql, isLevelFirst ? made : told)
      if (isLevelFirst) expect(await blockersOf(database, second)).toEqual([first.pid])
      else await Promise.race([other, Bun.sleep(50)])
      await first.sql`commit`
      await other
    })
    expect(await stockOf(database.admin, id)).toMatchObject({ base: 7 })
  }
})

test('what an order owes back is locked after the stock and before the revisions', async () => {
  const { admin } = database
  for (const table of ['stock', 'event_revisions']) {
    const { event, order } = await ordered(admin)
    const { payment_id: payment } = await start(admin, event, order)
    await results(admin, event, [{ payment, order }])
    await withSessions(database, 3, async (blocker, first, asking) => {
      await blocker.sql`begin`
      await blocker.sql`select from ${blocker.sql(`onsale.${table}`)} where event_id = ${event} for update`
      const given = change(first.sql, event, [{ order, status: 'REFUND_DUE' }], { actor: 'admin' })
      expect(await blockersOf(database, first)).toEqual([blocker.pid])
      await asking.sql`begin`
      await asking.sql`set local lock_timeout = '25ms'`
      const owe = asking.sql`
        select from api.place_refund_jobs(${event}::bigint, array[${payment}::bigint], 'another', now())`
      const isHeld = await Promise.resolve(owe).then(
        () => false,
        (error: { code?: string }) => error.code === '55P03',
      )
      await asking.sql`rollback`
      expect([table, isHeld]).toEqual([table, table === 'event_revisions'])
      await blocker.sql`rollback`
      expect(await given).toMatchObject([{ outcome: 'updated' }])
    })
  }
})

test('a worker that ends a job waits for nothing that an answer to its payment holds', async () => {
  const { admin } = database
  const { event, order } = await ordered(admin)
  const { payment_id: payment } = await start(admin, event, order)
  const job = await addJob(admin, { kind: 'start_payment', subject: `payment ${payment}`, state: 'dead' })
  await withSessions(database, 3, async (worker, first, second) => {
    await worker.sql`begin`
    await worker.sql`select from api.update_job_due(${job}::bigint, 'user 7', '2026-11-01T12:00:00Z')`
    const answered = first.sql<{ outcome: string }[]>`
      select r.outcome from api.update_payments(${event}::bigint, array[${payment}::bigint], '{far 1}', '{null}') r`.execute()
    expect(await blockersOf(database, first)).toEqual([worker.pid])
    const paid = results(second.sql, event, [{ payment, order }])
    expect(await blockersOf(database, second)).toEqual([first.pid])
    expect(await claim(worker.sql, '12:00:00', { kinds: ['start_payment'] })).toEqual([[job, 1]])
    expect(await complete(worker.sql, job, 1)).toBe(true)
    await worker.sql`commit`
    expect([...(await answered)]).toEqual([{ outcome: 'updated' }])
    expect(await paid).toEqual([['applied', 'PAID']])
  })
})
