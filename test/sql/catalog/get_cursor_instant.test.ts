import { expect } from 'bun:test'
import { scratchTests, sqlStateOf } from '../../scratch.ts'

const check = scratchTests()

for (const [sort, key, text] of [
  ['starts_at', '4073526000123456', '2099-01-31T07:00:00.123456Z'],
  ['-starts_at', '0', '1970-01-01T00:00:00.000000Z'],
  ['relevance', '-1', '1969-12-31T23:59:59.999999Z'],
  ['starts_at', null, null],
  ['title', 'rock night', null],
  ['title', '4073526000123456', null],
] as const) {
  check(`by ${sort} the key ${key} is the instant ${text}`, async (sql) => {
    const [row] = await sql`
      select to_char(
        api.get_cursor_instant(${sort}, ${key}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
      ) as text`
    expect(row).toEqual({ text })
  })
}

check('an event without a date is at the end of time', async (sql) => {
  const [row] = await sql`select api.get_cursor_instant('starts_at', 'infinity') = 'infinity' as is_end`
  expect(row).toEqual({ is_end: true })
})

check('every microsecond of an instant survives the way there and back', async (sql) => {
  const [row] = await sql`
    select count(*)::integer as lost
    from generate_series(1, 1000) as n
    cross join lateral (select timestamptz '2098-12-31T23:59:59Z' + n * interval '997 microseconds' as at) i
    where api.get_cursor_instant('starts_at', (extract(epoch from i.at) * 1000000)::bigint::text) <> i.at`
  expect(row).toEqual({ lost: 0 })
})

check('a key that is no number is refused', async (sql) => {
  expect(await sqlStateOf(sql, (sql) => sql`select api.get_cursor_instant('starts_at', 'soon')`)).toBe(
    '22P02',
  )
})
