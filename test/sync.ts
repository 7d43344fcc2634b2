import type { Session } from '../src/platform/database.ts'
import { type SyncKind, syncKinds } from '../src/shopify/calls.ts'
import { stagedRecord } from '../src/shopify/staged.ts'

/** Lines of a bulk operation's file, as objects; ids are given by number. */
type Node = Record<string, unknown>

/** A product's line with those of its variants, one of 25.00 unless told otherwise. */
export function productLines({
  id = 1,
  variants = [{}],
  ...rest
}: Record<string, unknown> & { id?: number; variants?: (Node & { id?: number })[] } = {}): Node[] {
  const gid = `gid://shopify/Product/${id}`
  const lines = variants.map(({ id: variantId = 11, ...more }) => ({
    id: `gid://shopify/ProductVariant/${variantId}`,
    __parentId: gid,
    title: 'General',
    sku: `SKU-${variantId}`,
    price: '25.00',
    compareAtPrice: null,
    position: 1,
    inventoryPolicy: 'DENY',
    inventoryQuantity: 100,
    selectedOptions: [{ value: 'General' }],
    inventoryItem: { id: `gid://shopify/InventoryItem/${variantId + 1000}` },
    ...more,
  }))
  const product = {
    id: gid,
    title: 'Rock Night',
    status: 'ACTIVE',
    productType: 'Concert',
    tags: [],
    descriptionHtml: '',
    updatedAt: '2026-11-01T09:00:00Z',
    ...rest,
  }
  return [product, ...lines]
}

/** An item's line, of variant 11 unless told otherwise, with those of its levels by location. */
export function itemLines({
  id = 1011,
  tracked = true,
  levels = { 1: 100 },
  at = '2026-11-01T10:00:00Z',
}: {
  id?: number
  tracked?: boolean
  levels?: Record<number, number>
  at?: string
} = {}): Node[] {
  const gid = `gid://shopify/InventoryItem/${id}`
  const lines = Object.entries(levels).map(([location, quantity]) => ({
    id: `gid://shopify/InventoryLevel/9${location}?inventory_item_id=${id}`,
    __parentId: gid,
    updatedAt: at,
    location: { id: `gid://shopify/Location/${location}` },
    quantities: [{ name: 'available', quantity }],
  }))
  return [{ id: gid, tracked, updatedAt: '2026-10-01T10:00:00Z' }, ...lines]
}

/** An order's line with one of its own, of variant 11 unless told otherwise. */
export function orderLines({
  id = 500,
  variantId = 11,
  quantity = 1,
  currentQuantity = quantity,
  at = '2026-11-01T11:00:00Z',
  ...rest
}: Record<string, unknown> & {
  id?: number
  variantId?: number | null
  quantity?: number
  currentQuantity?: number
  at?: string
} = {}): Node[] {
  const gid = `gid://shopify/Order/${id}`
  const variant = variantId === null ? null : { id: `gid://shopify/ProductVariant/${variantId}` }
  return [
    { id: gid, test: false, createdAt: at, updatedAt: at, cancelledAt: null, closedAt: null, ...rest },
    { id: `gid://shopify/LineItem/${id}1`, __parentId: gid, quantity, currentQuantity, variant },
  ]
}

/** A snapshot that is loaded, made of these lines; answers its id. */
export async function stagedRun(
  sql: Session,
  files: Partial<Record<SyncKind, Node[]>>,
  { startedAt = '2026-11-01T12:00:00Z', purpose = 'sync', state = 'loaded' } = {},
): Promise<number> {
  const [run] = await sql<{ id: number }[]>`
    insert into onsale.sync_runs (purpose, state, shop, orders_since, started_at, updated_at)
    values (${purpose}, ${state}, 'demo.myshopify.com', '2026-09-02T12:00:00Z', ${startedAt}::text::timestamptz, ${startedAt}::text::timestamptz)
    returning id::float8 as id`
  const id = run!.id
  for (const kind of syncKinds) {
    const lines = files[kind]
    if (lines === undefined) continue
    await sql`insert into onsale.sync_parts (run_id, kind, loaded_at) values (${id}, ${kind}, ${startedAt}::text::timestamptz)`
    for (const [nth, node] of lines.entries()) {
      const record = stagedRecord(JSON.stringify(node), { kind, line: nth + 1 })
      if (record === null) continue
      await sql`
        insert into onsale.staged_records (run_id, kind, line, id, parent_id, body, description)
        values (
          ${id}, ${record.kind}, ${record.line}, ${record.id}::text::bigint, ${record.parentId}::text::bigint,
          ${JSON.stringify(record.body)}::text::jsonb, ${record.description}
        )`
    }
  }
  return id
}

/** Applies a lane of a snapshot's file to its end, so many records a call; answers how many there were. */
export async function applyFile(
  sql: Session,
  { runId, kind, limit = 100, lane = 1 }: { runId: number; kind: SyncKind; limit?: number; lane?: number },
): Promise<number> {
  for (let records = 0; ; ) {
    const [row] = await sql<{ count: number }[]>`
      select r.record_count as count
      from api.apply_staged_facts(p_run_id => ${runId}, p_kind => ${kind}, p_limit => ${limit}, p_lane => ${lane}) r`
    if (row === undefined) return records
    records += row.count
  }
}

/** An instant of the day on which the tests' syncs are wanted. */
const at = (time: string) => `2026-11-01T${time}Z`

/** The sync that is wanted, as it is stored; undefined: none is. */
export async function wantedSync(sql: Session) {
  const [row] = await sql<
    {
      wanted_by: string
      orders_days: number | null
      state: string
      is_wanted_again: boolean
      attempts: number
      next_attempt_at: Date
      reason: string | null
    }[]
  >`
    select wanted_by, orders_days, state, is_wanted_again, attempts, next_attempt_at, reason from onsale.wanted_syncs`
  return row
}

/** Asks for a sync; its outcome. */
export async function wantSync(
  sql: Session,
  time: string,
  { actor = 'user 7', ordersDays = null as number | null } = {},
): Promise<string> {
  const [row] = await sql<{ outcome: string }[]>`
    select p.outcome
    from api.place_wanted_sync(${actor}, ${ordersDays}::integer, ${at(time)}::text::timestamptz) p`
  return row!.outcome
}

/** Leases it for 20 s; of at most three attempts. */
export async function claimWantedSync(sql: Session, time: string) {
  const [row] = await sql<
    { outcome: string; attempt: number; orders_days: number | null; wanted_by: string }[]
  >`
    select * from api.claim_wanted_sync(3, '20 seconds', ${at(time)}::text::timestamptz)`
  return row
}

/** Ends an attempt that broke off. */
export async function failWantedSync(
  sql: Session,
  attempt: number,
  { retry = null as string | null, reason = 'No answer', time = '12:00:05' } = {},
): Promise<boolean> {
  const [row] = await sql<{ is_done: boolean }[]>`
    select api.fail_wanted_sync(
      ${attempt}::integer, ${reason}, ${retry === null ? null : at(retry)}::text::timestamptz,
      ${at(time)}::text::timestamptz
    ) as is_done`
  return row!.is_done
}
