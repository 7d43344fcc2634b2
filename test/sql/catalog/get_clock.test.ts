import { expect, test } from 'bun:test'
import { addEvent, tell } from '../../catalog.ts'
import { testDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

check('the clock goes on within a transaction', async (sql) => {
  const [row] = await sql`
    select a.now > now() and a.now <= clock_timestamp() as goes_on
    from (select pg_sleep(0.002)) s, api.get_clock() a`
  expect(row).toEqual({ goes_on: true })
})

check('an edit raises the revision of the catalogue, a mere count does not', async (sql) => {
  const revisionOf = async () =>
    Number((await sql`select r.catalogue_revision from api.get_clock() r`)[0]!.catalogue_revision)
  const id = await addEvent(sql)
  const before = await revisionOf()
  await tell(sql, { changed: [id], flipped: [id] })
  expect(await revisionOf()).toBe(before)
  await tell(sql, { edited: [id] })
  expect(await revisionOf()).toBe(before + 1)
})

test('the service may ask, and two databases of one server have different names', async () => {
  const [one, other] = await Promise.all([testDatabase(), testDatabase()])
  try {
    const nameOf = async ({ service }: typeof one) =>
      (await service`select r.database_id from api.get_clock() r`)[0]!.database_id
    expect(await nameOf(one)).toBe(await nameOf(one))
    expect(await nameOf(one)).not.toBe(await nameOf(other))
  } finally {
    await Promise.all([one.drop(), other.drop()])
  }
}, 20_000)
