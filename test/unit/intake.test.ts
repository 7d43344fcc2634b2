import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createIntake, type Intake } from '../../src/intake/intake.ts'
import type { Delivery } from '../../src/intake/model.ts'
import { startIntakeTasks } from '../../src/intake/tasks.ts'
import { webhookBatchItemsMax } from '../../src/limits.ts'
import { openPool, serviceRole } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { apply, delivery, order, product, stockOf, variant } from '../deliveries.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'

// The intake without HTTP, on a pool of the service's role: what becomes of a batch that holds poison.

const lines: Record<string, unknown>[] = []
const log = createLog({ level: 'info', destination: { write: (line) => lines.push(JSON.parse(line)) } })

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await apply(database.service, delivery('products/create', product()))
})
afterAll(async () => {
  await expectVerified(database.admin)
  await database.drop()
})

function intakeOf() {
  const metrics = createMetrics()
  return { ...createIntake({ sql: database.service, log, metrics }), metrics }
}

let orderCount = 1_000
const good = () => delivery('orders/create', order({ id: ++orderCount }))
const raw = (bytes: Uint8Array, id: string): Delivery => ({
  ...delivery('orders/create', '', { id }),
  body: bytes,
})
const text = (body: string, id: string) => delivery('orders/create', body, { id })

/**
 * Submits all at once, each again while it is refused as busy, as Shopify does: where the machine is overrun, a batch
 * may take longer than a delivery waits, and then finds itself a duplicate.
 */
async function submitAll(intake: Pick<Intake, 'submit'>, batch: readonly Delivery[]) {
  let repeated = 0
  const outcomes = await Promise.all(batch.map(submit))
  return { outcomes, repeated }

  async function submit(delivery: Delivery, nth: number): Promise<string> {
    for (;;) {
      try {
        const { outcome } = await intake.submit(delivery)
        return outcome === 'duplicate' && repeated > 0 ? 'applied' : outcome
      } catch (error) {
        if ((error as { code?: string }).code !== 'busy') return `${nth} ${error}`
        repeated++
      }
    }
  }
}

async function callsOf(
  { metrics }: { metrics: ReturnType<typeof createMetrics> },
  name: string,
): Promise<number> {
  const shown = await metrics.registry.metrics()
  return Number(
    new RegExp(`db_query_time_seconds_count\\{function="${name}"\\} (\\d+)`).exec(shown)?.[1] ?? 0,
  )
}

const orderText = (change: (body: string) => string) => change(JSON.stringify(order({ id: ++orderCount })))

/** Everything that PostgreSQL or the size of a number refuses, each with what it is told. */
const poison: Record<string, [Delivery, string]> = {
  'no JSON': [text('{"id":', 'no JSON'), '22P02'],
  'an empty body': [text('', 'an empty body'), '22P02'],
  'an escaped NUL': [
    text(
      orderText((body) => body.replace('{', '{"note":"\\u0000",')),
      'an escaped NUL',
    ),
    '22P05',
  ],
  'a NUL': [text(`${orderText((body) => body)}\0`, 'a NUL'), '22021'],
  'bytes that are no UTF-8': [raw(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 'bytes that are no UTF-8'), ''],
  'half a surrogate in UTF-8': [
    raw(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), 'half a surrogate in UTF-8'),
    '',
  ],
  'a byte order mark': [text(`\ufeff${orderText((body) => body)}`, 'a byte order mark'), '22P02'],
  'a nesting bomb': [text(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'a nesting bomb'), '54001'],
  'a number bomb': [text('{"id":1e999999}', 'a number bomb'), '22003'],
  'an id of 2^63': [
    text(
      orderText((body) => body.replace(/"id":\d+/, '"id":9223372036854775808')),
      'an id of 2^63',
    ),
    '22003',
  ],
  'a negative quantity': [
    delivery('orders/create', order({ id: 90, lines: [{ id: 1, variant_id: 11, quantity: -1 }] }), {
      id: 'a negative quantity',
    }),
    '23514',
  ],
  'a line without id': [
    delivery('orders/create', order({ id: 91, lines: [{ variant_id: 11, quantity: 1 }] }), {
      id: 'a line without id',
    }),
    '23502',
  ],
  'a price that is no number': [
    delivery('products/create', product({ id: 92, variants: [variant({ id: 921, price: 'free' })] }), {
      id: 'a price that is no number',
    }),
    '22P02',
  ],
  'an unknown topic that is no JSON': [
    delivery('themes/publish', 'no', { id: 'an unknown topic that is no JSON' }),
    '22P02',
  ],
}

test('a batch without poison is one call', async () => {
  const intake = intakeOf()
  const { outcomes, repeated } = await submitAll(intake, Array.from({ length: webhookBatchItemsMax }, good))
  expect(new Set(outcomes)).toEqual(new Set(['applied']))
  if (repeated === 0) expect(await callsOf(intake, 'apply_deliveries')).toBe(1)
})

for (const [name, [bad, sqlState]] of Object.entries(poison)) {
  test(`${name} alone is kept as failed, with its bytes and the reason`, async () => {
    const { outcome, reason } = await intakeOf().submit(bad)
    expect(outcome).toBe('failed')
    expect(reason).not.toBe('')
    const [kept] =
      await database.admin`select * from onsale.failed_deliveries where delivery_id = ${bad.deliveryId}`
    expect(kept?.sqlstate ?? '').toBe(sqlState)
    expect(kept?.reason).toBe(reason)
    expect(Buffer.compare(kept?.body, Buffer.from(bad.body))).toBe(0)
    await database.admin`delete from onsale.failed_deliveries`
    await database.admin`delete from onsale.deliveries`
  })
}

test('one poison in a full batch: every batch-mate is applied, in a handful of calls', async () => {
  const intake = intakeOf()
  const before = await stockOf(database.admin)
  const batch = Array.from({ length: webhookBatchItemsMax }, good)
  batch[77] = poison['an escaped NUL']![0]
  const { outcomes, repeated } = await submitAll(intake, batch)
  expect(outcomes).toEqual(batch.map((_, nth) => (nth === 77 ? 'failed' : 'applied')))
  expect((await stockOf(database.admin))?.sold).toBe((before?.sold ?? 0) + batch.length - 1)
  // Halved eight times: two calls each time.
  if (repeated === 0) expect(await callsOf(intake, 'apply_deliveries')).toBeLessThanOrEqual(17)
  expect(lines.filter((line) => line.msg === 'Delivery kept as failed').at(-1)).toMatchObject({
    topic: 'orders/create',
    delivery_id: 'an escaped NUL',
  })
})

test('every poison there is in one full batch: each stands alone, every batch-mate is applied', async () => {
  await database.admin`delete from onsale.failed_deliveries`
  await database.admin`delete from onsale.deliveries`
  const bad = Object.values(poison).map(([delivery]) => delivery)
  const mates = Array.from({ length: webhookBatchItemsMax - bad.length }, good)
  const batch = mates.flatMap((mate, nth) =>
    nth % 13 === 5 ? [mate, ...bad.slice((nth - 5) / 13, (nth - 5) / 13 + 1)] : [mate],
  )
  expect(batch).toHaveLength(webhookBatchItemsMax)
  const before = await stockOf(database.admin)
  const { outcomes } = await submitAll(intakeOf(), batch)
  const named = outcomes.map((outcome, nth) => [batch[nth]!.deliveryId, outcome])
  expect(named).toEqual(batch.map((one) => [one.deliveryId, bad.includes(one) ? 'failed' : 'applied']))
  expect((await stockOf(database.admin))?.sold).toBe((before?.sold ?? 0) + mates.length)
  expect(await database.admin`select from onsale.failed_deliveries`).toHaveLength(bad.length)
})

test('poison that has failed for the hundredth time does not take its batch-mates with it', async () => {
  const bad = poison['no JSON']![0]
  await database.admin`update onsale.failed_deliveries set attempts = 100, is_dead = true`
  const { outcomes } = await submitAll(intakeOf(), [good(), bad, good()])
  expect(outcomes).toEqual(['applied', 'failed', 'applied'])
})

test('a delivery that cannot even be kept is refused alone', async () => {
  const bad = { ...poison['no JSON']![0], triggeredNs: '9223372036854775808' }
  const results = await Promise.allSettled([good(), bad, good()].map(intakeOf().submit))
  expect(
    results.map((result) => (result.status === 'fulfilled' ? result.value.outcome : result.reason.code)),
  ).toEqual(['applied', 'internal', 'applied'])
})

test('what loses a deadlock or a serialization race is tried again by itself', async () => {
  await database.admin`create sequence onsale.races`
  await database.admin.unsafe(`
    create function onsale.race() returns trigger language plpgsql security definer as $$
    begin
      if nextval('onsale.races') <= 2 then raise exception 'lost' using errcode = '40P01'; end if;
      return new;
    end $$;
    create trigger race before insert on onsale.shopify_orders for each row execute function onsale.race()`)
  try {
    expect((await intakeOf().submit(good())).outcome).toBe('applied')
  } finally {
    await database.admin`drop trigger race on onsale.shopify_orders`
    await database.admin`drop function onsale.race`
    await database.admin`drop sequence onsale.races`
  }
})

test('a body over which the server runs out of time stands alone, its batch-mates are applied', async () => {
  const slow = good()
  await database.admin.unsafe(`
    create function onsale.dawdle() returns trigger language plpgsql as $$
    begin
      if new.order_id = ${orderCount} then perform pg_sleep(5); end if;
      return new;
    end $$;
    create trigger dawdle before insert on onsale.shopify_orders for each row execute function onsale.dawdle()`)
  const pool = openPool(database.url, { name: 'hasty', max: 2, role: serviceRole, statementTimeoutMs: 700 })
  try {
    const batch = [...Array.from({ length: 5 }, good), slow, good(), good()]
    const intake = createIntake({ sql: pool, log, metrics: createMetrics() })
    const { outcomes } = await submitAll(intake, batch)
    expect(outcomes).toEqual(batch.map((one) => (one === slow ? 'failed' : 'applied')))
    const [kept] = await database.admin`
      select sqlstate from onsale.failed_deliveries where delivery_id = ${slow.deliveryId}`
    expect(kept).toEqual({ sqlstate: '57014' })
  } finally {
    await pool.end({ timeout: 1 })
    await database.admin`drop trigger dawdle on onsale.shopify_orders`
    await database.admin`drop function onsale.dawdle`
    await database.admin`delete from onsale.failed_deliveries where delivery_id = ${slow.deliveryId}`
  }
})

test('a database that is away refuses the batch, and the next one finds it back', async () => {
  const pool = openPool(database.url, { name: 'cut', max: 2, role: serviceRole })
  const intake = createIntake({ sql: pool, log, metrics: createMetrics() })
  expect((await intake.submit(good())).outcome).toBe('applied')
  await database.admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'onsale cut'`
  // One that finds its connection closed is refused, not kept as failed: it is not to blame.
  const repeated = good()
  let outcome = ''
  for (const deadline = performance.now() + 30_000; performance.now() < deadline && outcome !== 'applied'; ) {
    outcome = await intake.submit(repeated).then(
      (result) => result.outcome,
      () => 'refused',
    )
    expect(['applied', 'refused', 'duplicate']).toContain(outcome)
  }
  expect(outcome).toBe('applied')
  await pool.end({ timeout: 1 })
})

test('a failed delivery is tried again by the task, applied once its cause is gone, and its bytes go', async () => {
  await database.admin`delete from onsale.failed_deliveries`
  const late = good()
  await database.admin`alter table onsale.shopify_orders add constraint no_more check (order_id < ${database.admin.unsafe(String(orderCount))})`
  const intake: Intake = intakeOf()
  expect((await intake.submit(late)).outcome).toBe('failed')
  await database.admin`alter table onsale.shopify_orders drop constraint no_more`
  await database.admin`update onsale.failed_deliveries set next_attempt_at = now()`

  await withQuickTimers(async () => {
    const metrics = createMetrics()
    const tasks = startIntakeTasks({ intake, applyStored: intake.applyStored, log, metrics })
    for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(5)) {
      if ((await database.admin`select from onsale.failed_deliveries`).length === 0) break
    }
    await tasks.stop()
  })
  const [row] =
    await database.admin`select outcome from onsale.deliveries where delivery_id = ${late.deliveryId}`
  expect(row).toEqual({ outcome: 'applied' })
  expect(await database.admin`select from onsale.failed_deliveries`).toHaveLength(0)
})

test('the tasks forget old ids in pieces, verify the counters, and read what is dead', async () => {
  await database.admin`
    insert into onsale.deliveries (shop, delivery_id, topic, received_at, outcome)
    select '', 'old ' || n, 'orders/create', now() - interval '73 hours', 'applied' from generate_series(1, 12000) n`
  await intakeOf().submit(text('no', 'dead'))
  await database.admin`update onsale.failed_deliveries set is_dead = true`
  await database.admin`update onsale.verification set claimed_at = now() - interval '2 hours'`
  const metrics = createMetrics()
  await withQuickTimers(async () => {
    const intake = intakeOf()
    const tasks = startIntakeTasks({ intake, applyStored: intake.applyStored, log, metrics })
    for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(10)) {
      const old =
        await database.admin`select from onsale.deliveries where received_at < now() - interval '72 hours'`
      const shown = await metrics.registry.metrics()
      if (old.length === 0 && /^dead_letters 1$/m.test(shown) && verifiedAt.test(shown)) break
    }
    await tasks.stop()
  })
  expect(await database.admin`select from onsale.deliveries where delivery_id like 'old %'`).toHaveLength(0)
  const shown = await metrics.registry.metrics()
  expect(shown).toMatch(/^dead_letters 1$/m)
  expect(shown).toMatch(/^verify_drift_rows 0$/m)
  expect(shown).toMatch(verifiedAt)
})

test('of several processes one verifies, once in its time, and all show how it came out', async () => {
  await database.admin`
    update onsale.verification set claimed_at = now() - interval '2 hours', completed_at = null, drift_count = null`
  await database.admin`update onsale.stock set sold = sold + 1, capacity = capacity + 1`
  const processes = [intakeOf(), intakeOf(), intakeOf()]
  await withQuickTimers(async () => {
    const tasks = processes.map((intake) =>
      startIntakeTasks({ intake, applyStored: intake.applyStored, log, metrics: intake.metrics }),
    )
    for (const deadline = performance.now() + 30_000; performance.now() < deadline; await Bun.sleep(10)) {
      const shown = await Promise.all(processes.map(({ metrics }) => metrics.registry.metrics()))
      if (shown.every((text) => verifiedAt.test(text))) break
    }
    await Promise.all(tasks.map((task) => task.stop()))
  })
  let verified = 0
  for (const { metrics } of processes) {
    const { values } = await metrics.queryTime.get()
    verified +=
      values.find(
        ({ metricName, labels }) =>
          metricName === 'db_query_time_seconds_count' && labels.function === 'verify',
      )?.value ?? 0
    expect((await metrics.verifyDrift.get()).values).toMatchObject([{ value: 2 }])
  }
  expect(verified).toBe(1)
  expect(lines.filter(({ msg }) => msg === 'Counters differ from the facts')).toMatchObject([{ count: 2 }])
  await database.admin`select from api.update_stock()`
})

const verifiedAt = /^verify_completed_timestamp_seconds [1-9]/m

/** Timers of minutes become milliseconds: what a task does is real, when it does it is not waited for. */
async function withQuickTimers(work: () => Promise<void>): Promise<void> {
  // Every connection of the pool is opened before: the time to connect would be cut as well.
  await Promise.all(Array.from({ length: 8 }, () => database.service`select pg_sleep(0.1)`))
  const { setTimeout } = globalThis
  globalThis.setTimeout = ((callback: () => void, ms = 0) =>
    setTimeout(callback, ms >= 1_000 ? ms / 10_000 : ms)) as typeof globalThis.setTimeout
  try {
    await work()
  } finally {
    globalThis.setTimeout = setTimeout
  }
}
