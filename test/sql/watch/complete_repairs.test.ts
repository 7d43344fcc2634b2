import { expect } from 'bun:test'
import { compared, differences, placed } from '../../reconcile.ts'
import { scratchTests } from '../../scratch.ts'
import { orderLines } from '../../sync.ts'

const check = scratchTests()

check('outcomes are kept once, and what changed the mirror is in the audit log', async (sql) => {
  const orders = [1, 2].flatMap((id) => orderLines({ id }))
  const { id } = await placed(sql, { orders })
  await compared(sql, id)
  const ids = (await sql<{ id: string }[]>`select id::text from onsale.differences order by id`).map(
    (row) => row.id,
  )
  const complete = (outcomes: string) =>
    sql`select from api.complete_repairs(${`{${ids.join(',')}}`}::text::bigint[], ${outcomes}::text::text[])`
  await complete('{repaired,overtaken}')
  await complete('{failed,failed}')
  expect((await differences(sql)).map(({ outcome }) => outcome)).toEqual(['repaired', 'overtaken'])
  const entries = await sql`select actor, action, subject, before, after from onsale.audit_log`
  expect([...entries]).toEqual([
    {
      actor: 'a person',
      action: 'reconcile.repair',
      subject: 'order 1',
      before: null,
      after: {
        cause: 'lost',
        reconciliation: id,
        there: expect.objectContaining({ status: 'open', updated_at: '2026-11-01T11:00:00.000Z' }),
      },
    },
  ])
})
