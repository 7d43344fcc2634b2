import { expect } from 'bun:test'
import { compared, differences, placed } from '../../reconcile.ts'
import { scratchTests } from '../../scratch.ts'
import { orderLines } from '../../sync.ts'

const check = scratchTests()

check(
  'one that was stopped begins anew with the same snapshot, and keeps what it has repaired',
  async (sql) => {
    const orders = [1, 2].flatMap((id) => orderLines({ id }))
    const { id, runId } = await placed(sql, { orders })
    await compared(sql, id)
    await sql`update onsale.differences set outcome = 'repaired' where key = '1'`
    const [again] = await sql`
    select api.place_reconciliation(${runId}::bigint, true, 5, '1 minute', 'another')::integer as id`
    expect(again?.id).toBe(id)
    expect(await differences(sql)).toMatchObject([{ what: 'order 1' }])
    const [row] =
      await sql`select is_dry_run, repairs_max, started_by, compared_count::integer from onsale.reconciliations`
    expect(row).toEqual({ is_dry_run: true, repairs_max: 5, started_by: 'another', compared_count: 0 })
  },
)

check('of old ones fifty are kept', async (sql) => {
  await sql`
    insert into onsale.reconciliations (run_id, started_by, is_dry_run, repairs_max, grace, started_at)
    select -n, 'a person', false, 1, '1 minute', now() from generate_series(1, 60) n`
  const { id } = await placed(sql, {})
  const [row] =
    await sql`select count(*)::integer as count, max(id)::integer as newest from onsale.reconciliations`
  expect(row).toEqual({ count: 50, newest: id })
})
