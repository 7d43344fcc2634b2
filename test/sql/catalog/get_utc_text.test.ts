import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const [instant, text] of [
  ['2026-12-01T19:00:00Z', '2026-12-01T19:00:00.000Z'],
  ['2026-12-01T19:00:00.007Z', '2026-12-01T19:00:00.007Z'],
  ['2026-03-29T03:30:00+02:00', '2026-03-29T01:30:00.000Z'],
  ['0987-01-02T03:04:05Z', '0987-01-02T03:04:05.000Z'],
  [null, null],
] as const) {
  check(`${instant} is ${text} on the wire`, async (sql) => {
    const [row] = await sql`select api.get_utc_text(${instant}::text::timestamptz) as text`
    expect(row).toEqual({ text })
  })
}

check('the time zone and the date style of the session do not matter', async (sql) => {
  await sql`set local timezone = 'America/Sao_Paulo'`
  await sql`set local datestyle = 'German, DMY'`
  const [row] = await sql`select api.get_utc_text('2026-12-01T19:00:00Z') as text`
  expect(row).toEqual({ text: '2026-12-01T19:00:00.000Z' })
})
