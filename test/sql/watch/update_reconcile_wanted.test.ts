import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('the last who asked gets what he asked for', async (sql) => {
  await sql`select from api.update_reconcile_wanted('one', true, 5)`
  await sql`select from api.update_reconcile_wanted('two', false, null)`
  const [row] = await sql`select wanted_by, is_dry_run, repairs_max from onsale.reconcile_schedule`
  expect(row).toEqual({ wanted_by: 'two', is_dry_run: false, repairs_max: null })
})
