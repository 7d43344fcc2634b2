import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const [text, instant] of [
  ['2026-12-01T19:00:00Z', '2026-12-01T19:00:00.000Z'],
  ['2026-12-01T19:00:00+01:00', '2026-12-01T18:00:00.000Z'],
  ['2026-12-01T19:00:00-0530', '2026-12-02T00:30:00.000Z'],
  ['2026-12-01 19:00', '2026-12-01T19:00:00.000Z'],
  ['2026-12-01T19:00:00.5', '2026-12-01T19:00:00.500Z'],
  ['2026-12-01', '2026-12-01T00:00:00.000Z'],
] as const) {
  check(`${text} is ${instant}, wherever the server stands`, async (sql) => {
    for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
      await sql`select set_config('timezone', ${zone}, true)`
      const [row] = await sql`select api.get_instant(${text}) as instant`
      expect(row?.instant).toEqual(new Date(instant))
    }
  })
}

for (const text of [
  null,
  '',
  'sometime',
  'infinity',
  'now',
  '2026-13-01',
  '2026-02-30',
  '2026-12-01T25:00',
  '2026-12-01T19:00+99:00',
  '01.12.2026',
  '2026-12-01T19:00:00Z and more',
]) {
  check(`${text} is none`, async (sql) => {
    const [row] = await sql`select api.get_instant(${text}) as instant`
    expect(row?.instant).toBeNull()
  })
}
