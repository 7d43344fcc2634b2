import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AdminApi, startAdminApi } from '../../sandbox/admin_api.ts'
import { compare } from '../../sandbox/compare.ts'
import { createShop } from '../../sandbox/life.ts'
import { createRandom } from '../../sandbox/random.ts'
import { createIntake } from '../../src/intake/intake.ts'
import { createLog } from '../../src/platform/log.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createShopify, type Shopify } from '../../src/shopify/client.ts'
import { fixedToken } from '../../src/shopify/tokens.ts'
import type { ReconciliationCard } from '../../src/watch/calls.ts'
import { type ReconcileOptions, reconcile } from '../../src/watch/reconcile.ts'
import { expectVerified, type TestDatabase, testDatabase } from '../harness.ts'
import { addJob } from '../jobs.ts'
import { applyInBatches, told } from '../living_shop.ts'
import { type RunningService, runService } from '../service.ts'

// Ten minutes of a shop's life, of whose webhooks one in a hundred is lost; then the mirror is held against the shop. Other lives and
// shares: RECONCILE_SEED, RECONCILE_LOST.

const lifeMs = 10 * 60_000
const shop = createShop({
  seed: process.env.RECONCILE_SEED ?? 'reconcile',
  start_at: new Date(Date.now() - lifeMs - 5 * 60_000),
  events: 8,
  large_events: 1,
  silent_events: 0,
  by_namespace: true,
  // A level that is told after its location was disconnected would stand here with 0 units.
  lag_ms_max: 0,
})
while (shop.world.now_us < (Date.now() - 5 * 60_000) * 1000) shop.live(shop.deliveries.length + 20)
const lostShare = Number(process.env.RECONCILE_LOST ?? 0.01)
const random = createRandom('lost')
const log = createLog({ level: 'silent' })
const metrics = createMetrics()

let api: AdminApi
let shopify: Shopify
/** Has heard everything. */
let whole: TestDatabase
/** Has heard ninety-nine of a hundred. */
let holed: TestDatabase
let service: RunningService
let next = 0

beforeAll(async () => {
  const faults = { bulk_ms: 20, bucket_size: 100_000, restore_rate: 10_000 }
  api = await startAdminApi({ world: shop.world, token: 'a token', secret: 'a secret', faults })
  shopify = createShopify({
    url: `${api.url}/admin/api/2026-10/graphql.json`,
    tokens: fixedToken('a token'),
    log,
    metrics,
    retryMs: 5,
  })
  ;[whole, holed] = await Promise.all([testDatabase(), testDatabase()])
  service = await runService(holed)
  const heard = hear()
  await applyInBatches(whole.admin, heard)
  await applyInBatches(
    holed.admin,
    heard.filter(() => !random.chance(lostShare)),
  )
})
afterAll(async () => {
  await service.stop()
  await api.stop()
  await Promise.all([whole.drop(), holed.drop()])
})

/** What has left the shop since the last time. */
function hear() {
  shop.world.settle()
  const news = shop.deliveries.slice(next)
  next = shop.deliveries.length
  return news.map((one) => told(one, { shop: shop.world.shop.domain }))
}

function run(
  database: TestDatabase,
  {
    beforeRepair = async () => {},
    ...options
  }: Partial<ReconcileOptions> & { beforeRepair?: () => Promise<void> } = {},
): Promise<ReconciliationCard> {
  const intake = createIntake({ sql: database.admin, log, metrics })
  const submit: typeof intake.submit = async (delivery) => {
    await beforeRepair()
    return await intake.submit(delivery)
  }
  return reconcile(
    { shopify, sql: database.admin, submit, metrics },
    {
      actor: 'a person',
      isDryRun: false,
      currency: 'EUR',
      repairsMax: 10_000,
      graceS: 2,
      lookEveryMs: 5,
      signal: new AbortController().signal,
      ...options,
    },
  )
}
async function found(database: TestDatabase) {
  const rows = await database.admin<
    { what: string; cause: string; outcome: string | null; evidence: Record<string, unknown> }[]
  >`
    select d.kind || ' ' || d.key as what, d.cause, d.outcome, d.evidence
    from onsale.differences d
    where d.reconciliation_id = (select max(id) from onsale.reconciliations)
    order by 1`
  return [...rows]
}
const keys = (rows: readonly { what: string }[]) => rows.map(({ what }) => what)

/** An event that visitors see. */
const active = () => shop.world.products.find(({ deleted, status }) => !deleted && status === 'active')!

/** The facts that can be seen in the shop: what is deleted or disconnected is not there. */
async function facts(database: TestDatabase): Promise<Map<string, string>> {
  const rows = await database.admin<{ what: string; fact: string }[]>`
    select 'product ' || p.product_id as what,
      jsonb_build_array((p.stamp).updated_at, p.source_status, p.tags, p.variant_ids, p.metafields, e.title)::text as fact
    from onsale.shopify_products p
    join onsale.events e on e.id = p.event_id
    where p.deleted_at is null
    union all
    select 'item ' || i.inventory_item_id, jsonb_build_array((i.stamp).updated_at, i.tracked)::text
    from onsale.inventory_items i
    where i.tracked is not null and not i.is_deleted
    union all
    select 'level ' || l.inventory_item_id || '/' || l.location_id, jsonb_build_array((l.stamp).updated_at, l.available)::text
    from onsale.inventory_levels l
    left join onsale.inventory_items i on i.inventory_item_id = l.inventory_item_id
    where not l.is_disconnected and not coalesce(i.is_deleted, false)
    union all
    select 'order ' || o.order_id, jsonb_build_array((o.stamp).updated_at, o.status, (
      select jsonb_agg(jsonb_build_array(l.line_id, l.quantity, l.current_quantity) order by l.line_id)
      from onsale.shopify_order_lines l where l.order_id = o.order_id
    ))::text
    from onsale.shopify_orders o
    where o.status <> 'deleted'`
  return new Map(rows.map(({ what, fact }) => [what, fact]))
}

test('a mirror that has heard everything does not differ in anything', async () => {
  const card = await run(whole)
  expect(await found(whole)).toEqual([])
  expect(card).toMatchObject({ dry_run: false, counts: [], reason: null })
  expect(card.compared).toBeGreaterThan(100)
})

test('a dry run finds what was lost, and changes nothing', async () => {
  const [there, before] = await Promise.all([facts(whole), facts(holed)])
  const differing = new Set(
    [...there.keys(), ...before.keys()].filter((key) => there.get(key) !== before.get(key)),
  )
  // What an item has that is not counted by the one or the other is nothing to be compared.
  const isOfItem = (key: string) =>
    key.startsWith('level ') && differing.has(key.replace(/^level (\d+).*/, 'item $1'))
  const lost = [...differing].filter((key) => !isOfItem(key))
  expect(lost.length).toBeGreaterThan(2)
  await run(holed, { isDryRun: true })
  const rows = await found(holed)
  expect(keys(rows).filter((key) => !isOfItem(key))).toEqual(lost.toSorted())
  expect(rows.every(({ outcome }) => outcome === null)).toBe(true)
  expect(await facts(holed)).toEqual(before)
})

test('what is under way as a write of ours is left alone', async () => {
  const [product] = await holed.admin<{ product_id: string; event_id: string }[]>`
    select product_id, event_id from onsale.shopify_products where deleted_at is null limit 1`
  await holed.admin`
    update onsale.shopify_products set stamp = row('2020-01-01', 0, '')::onsale.stamp
    where product_id = ${product!.product_id}`
  const job = await addJob(holed.admin, { kind: 'update_event', eventId: Number(product!.event_id) })
  await run(holed, { isDryRun: true })
  const row = (await found(holed)).find(({ what }) => what === `product ${product!.product_id}`)
  expect(row).toMatchObject({ cause: 'ours', outcome: null })
  await holed.admin`delete from onsale.jobs where id = ${job}`
})

test('no more is repaired at once than is allowed', async () => {
  await run(holed, { repairsMax: 2 })
  expect((await found(holed)).filter(({ outcome }) => outcome !== null)).toHaveLength(2)
})

test('what was lost is repaired with an audit entry each, the counters are exact, and visitors see what the shop has', async () => {
  await run(holed)
  const rows = await found(holed)
  expect(rows.length).toBeGreaterThan(0)
  for (const { cause, outcome, evidence } of rows) {
    expect(['lost', 'theirs']).toContain(cause)
    expect(outcome).toBe('repaired')
    expect(Object.keys(evidence).toSorted()).toEqual(['here', 'there'])
  }
  const [audited] = await holed.admin`
    select count(*)::integer as count from onsale.audit_log where action = 'reconcile.repair' and actor = 'a person'`
  expect(audited?.count).toBe(rows.length + 2)
  await expectVerified(holed.admin)
  expect((await compare(shop.truth(), { url: service.url })).differences).toEqual([])
})

test('a second run finds nothing', async () => {
  await run(holed)
  expect(await found(holed)).toEqual([])
})

test('where no shop is configured nobody can have it compared', async () => {
  const { token } = await service.somebody({ role: 'ADMIN' })
  const { status, code } = await service.ask('POST /admin/reconcile', { token })
  expect([status, code]).toEqual([409, 'shopify_not_connected'])
})

test('what is only late is told as late, and left alone: its webhooks bring it', async () => {
  const [first] = shop.world.products.filter(({ deleted }) => !deleted)
  shop.world.editProduct(first!, (product) => {
    product.title = 'Another night'
  })
  const sold = shop.world.products
    .filter(({ deleted }) => !deleted)
    .flatMap(({ variants }) => variants)
    .find((variant) => shop.world.sellable(variant) > 0)
  shop.world.placeOrder([{ variant: sold!, units: 1 }])
  const before = await facts(holed)
  await run(holed, { graceS: 60, isDryRun: true })
  await run(holed, { graceS: 60 })
  const rows = await found(holed)
  expect(rows.length).toBeGreaterThan(1)
  expect(new Set(rows.map(({ cause }) => cause))).toEqual(new Set(['late']))
  expect(await facts(holed)).toEqual(before)
  await applyInBatches(holed.admin, hear())
  await run(holed, { graceS: 60 })
  expect(await found(holed)).toEqual([])
})

test('what is told while it is being repaired stays', async () => {
  const product = active()
  const retitle = (title: string) =>
    shop.world.editProduct(product, (one) => {
      one.title = title
    })
  retitle('Lost')
  hear()
  let isTold = false
  const tellOnce = async () => {
    if (isTold) return
    isTold = true
    retitle('Told')
    await applyInBatches(holed.admin, hear())
  }
  await run(holed, { graceS: 0, beforeRepair: tellOnce })
  expect((await found(holed)).filter(({ what }) => what === `product ${product.id}`)).toMatchObject([
    { cause: 'lost', outcome: 'overtaken' },
  ])
  const { body } = await service.ask(`GET /events/shopify:${product.id}`)
  expect(body.title).toBe('Told')
})

test('what a file lacks and the shop has is not deleted here', async () => {
  const product = active()
  await holed.admin.unsafe(`
    create function public.lose_record() returns trigger language plpgsql as $$
    begin
      delete from onsale.staged_records s where s.kind = 'product' and s.id = ${product.id};
      return new;
    end $$;
    create trigger lose_record after insert on onsale.reconciliations execute function public.lose_record()`)
  await run(holed, { graceS: 0 })
  await holed.admin.unsafe('drop function public.lose_record() cascade')
  expect(await found(holed)).toMatchObject([
    { what: `product ${product.id}`, cause: 'lost', outcome: 'overtaken', evidence: { there: null } },
  ])
  expect((await service.ask(`GET /events/shopify:${product.id}`)).status).toBe(200)
})

test('what the shop has deleted without a word is deleted here as soon as the grace is over, and not before', async () => {
  const [gone, kept] = shop.world.products.filter(({ deleted }) => !deleted)
  shop.world.deleteProduct(gone!)
  const lost = hear()
  expect(lost.map(({ topic }) => topic)).toContain('products/delete')
  await run(holed, { isDryRun: true, graceS: 3 })
  const products = async () => (await found(holed)).filter(({ what }) => what.startsWith('product '))
  expect(await products()).toMatchObject([{ what: `product ${gone!.id}`, cause: 'late' }])
  const steps: string[] = []
  await run(holed, { graceS: 3, onProgress: ({ step }) => steps.push(step) })
  expect(steps).toContain('pausing')
  expect(await products()).toMatchObject([
    { what: `product ${gone!.id}`, cause: 'lost', outcome: 'repaired' },
  ])
  expect((await service.ask(`GET /events/shopify:${gone!.id}`)).status).toBe(404)
  expect((await service.ask(`GET /events/shopify:${kept!.id}`)).status).not.toBe(500)
  await expectVerified(holed.admin)
})
