import { expect } from 'bun:test'
import type { Session } from '../../../src/platform/database.ts'
import { apply, delivery, level, order } from '../../deliveries.ts'
import { at } from '../../jobs.ts'
import { scratchTests } from '../../scratch.ts'
import { begin, mirror, queued, writeJob } from '../../writes.ts'

const check = scratchTests()

async function look(sql: Session, job: number, time: string, attempt = 1): Promise<boolean> {
  const [row] = await sql<{ is_quiet: boolean }[]>`
    select api.update_capacity_seen(
      p_job_id => ${job}::bigint, p_attempt => ${attempt}::integer, p_quiet => '2 seconds',
      p_now => ${at(time)}::text::timestamptz
    ) as is_quiet`
  return row!.is_quiet
}

async function deltaOf(sql: Session, job: number): Promise<number> {
  const [row] = await sql<{ delta: number }[]>`select api.update_capacity_delta(${job}, 1)::integer as delta`
  return row!.delta
}

const seen = async (sql: Session, job: number) => (await writeJob(sql, job)).request.capacity_seen
const tell = (sql: Session, available: number, time: string) =>
  apply(sql, delivery('inventory_levels/update', level(available, { updated_at: at(time) })))
const sell = (sql: Session, id: number, time: string) => {
  const lines = [{ id: 1, variant_id: 11, quantity: 1, current_quantity: 1 }]
  return apply(sql, delivery('orders/create', order({ id, lines, at: at(time) })))
}

/** A job that runs and wants 120 of 100, of a ticket that was sold half a minute ago. */
async function enlarging(
  sql: Session,
  { capacity = 120 as number | null, isSelling = true } = {},
): Promise<number> {
  const { ticket } = await mirror(sql)
  await tell(sql, 100, '11:00:00')
  if (isSelling) {
    await sell(sql, 9, '11:59:30')
    await tell(sql, 99, '11:59:30')
  }
  const job = await queued(sql, 'update_capacity', { ticket, details: { capacity, location_id: '1' } })
  await begin(sql, job)
  return job
}

check('where nothing is sold the first look is enough', async (sql) => {
  const job = await enlarging(sql)
  expect(await look(sql, job, '12:00:00')).toBe(true)
  expect(await seen(sql, job)).toBe(100)
  expect(await deltaOf(sql, job)).toBe(20)
})

check('a level before its order is waited out, and nothing is added for what was on its way', async (sql) => {
  const job = await enlarging(sql)
  await tell(sql, 96, '12:00:00')
  expect(await look(sql, job, '12:00:01')).toBe(false)
  for (const id of [1, 2, 3]) await sell(sql, id, '12:00:00')
  expect(await look(sql, job, '12:00:01.500')).toBe(false)
  expect(await look(sql, job, '12:00:02')).toBe(true)
  expect(await seen(sql, job)).toBe(100)
  expect(await deltaOf(sql, job)).toBe(20)
})

check(
  'a level that changes while nothing is sold is a change of the capacity, and not waited out',
  async (sql) => {
    const job = await enlarging(sql, { isSelling: false })
    await tell(sql, 97, '12:00:00')
    expect(await look(sql, job, '12:00:00')).toBe(true)
    expect(await deltaOf(sql, job)).toBe(23)
  },
)

check('an order alone is waited out, too', async (sql) => {
  const job = await enlarging(sql)
  await sell(sql, 1, '12:00:00')
  expect(await look(sql, job, '12:00:01')).toBe(false)
  expect(await look(sql, job, '12:00:02')).toBe(true)
})

check(
  'who cannot wait takes the most that was seen, which is off by the least that was on its way',
  async (sql) => {
    const job = await enlarging(sql)
    await tell(sql, 96, '12:00:00')
    expect(await look(sql, job, '12:00:01')).toBe(false)
    await sell(sql, 1, '12:00:00')
    await sell(sql, 2, '12:00:00')
    expect(await look(sql, job, '12:00:01')).toBe(false)
    await tell(sql, 89, '12:00:01')
    expect(await look(sql, job, '12:00:01')).toBe(false)
    expect(await seen(sql, job)).toBe(99)
    expect(await deltaOf(sql, job)).toBe(21)
  },
)

check('what is seen in a quiet moment counts, however much was seen before', async (sql) => {
  const job = await enlarging(sql)
  await sell(sql, 1, '12:00:00')
  await look(sql, job, '12:00:00')
  await tell(sql, 48, '12:00:01')
  expect(await look(sql, job, '12:00:03')).toBe(true)
  expect(await deltaOf(sql, job)).toBe(70)
})

check(
  'there is nothing to look for where the difference is known, no number is wanted, or others have it',
  async (sql) => {
    const job = await enlarging(sql)
    expect(await deltaOf(sql, job)).toBe(20)
    await tell(sql, 96, '12:00:00')
    expect(await look(sql, job, '12:00:00')).toBe(true)
    expect(await look(sql, job, '12:00:00', 2)).toBe(true)
    expect(await seen(sql, job)).toBeUndefined()
  },
)

check('no limit needs no look', async (sql) => {
  const job = await enlarging(sql, { capacity: null })
  await tell(sql, 96, '12:00:00')
  expect(await look(sql, job, '12:00:00')).toBe(true)
})
