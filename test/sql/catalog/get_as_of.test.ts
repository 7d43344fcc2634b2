import { expect, test } from 'bun:test'
import { addEvent } from '../../catalog.ts'
import { rollbackTest, testDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('it is the start of the transaction and does not go on with the clock', async (sql) => {
  const [row] = await sql`
    select api.get_as_of() = now() as is_start, api.get_as_of() < clock_timestamp() as is_before
    from pg_sleep(0.002)`
  expect(row).toEqual({ is_start: true, is_before: true })
})

test('a commit that a long transaction cannot see is after its as_of', async () => {
  const database = await testDatabase({ connections: 3 })
  try {
    await rollbackTest(database.admin, async (sql) => {
      await sql`set transaction isolation level repeatable read`
      const [seen] =
        await sql`select api.get_as_of()::text as as_of, count(*)::integer as events from onsale.events`
      await addEvent(database.admin)
      const [later] =
        await sql`select api.get_as_of()::text as as_of, count(*)::integer as events from onsale.events`
      expect(later).toEqual(seen!)
      const [row] = await database.admin`
        select created_at > ${seen!.as_of}::text::timestamptz as is_after from onsale.events`
      expect(row).toEqual({ is_after: true })
    })
  } finally {
    await database.drop()
  }
}, 20_000)
