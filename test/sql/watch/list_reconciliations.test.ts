import { expect } from 'bun:test'
import { compared, placed } from '../../reconcile.ts'
import { scratchTests } from '../../scratch.ts'
import { orderLines } from '../../sync.ts'

const check = scratchTests()

check('each comes with its counts, and the newest that ended with what it found', async (sql) => {
  const list = async () =>
    (await sql`select api.list_reconciliations(10, 1) as body`)[0]?.body as Record<string, unknown>
  expect(await list()).toEqual({ reconciliations: [], differences: [] })
  const { id } = await placed(sql, { orders: [1, 2].flatMap((id) => orderLines({ id })) })
  await compared(sql, id)
  await sql`update onsale.differences set outcome = 'repaired' where key = '1'`
  expect(await list()).toMatchObject({
    reconciliations: [
      {
        id,
        started_by: 'a person',
        dry_run: false,
        ended_at: null,
        compared: 2,
        counts: [{ kind: 'order', cause: 'lost', count: 2, repaired: 1 }],
      },
    ],
    differences: [],
  })
  await sql`select from api.complete_reconciliation(${id}::bigint)`
  expect((await list()).differences).toMatchObject([{ kind: 'order', key: '2', cause: 'lost', here: null }])
})
