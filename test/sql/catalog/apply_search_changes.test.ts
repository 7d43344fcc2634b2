import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { addEvent } from '../../catalog.ts'
import { type TestDatabase, testDatabase, withDatabase } from '../../harness.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function take(
  sql: TransactionSql,
  { changesMin = 1, blockEvents = 8192 } = {},
): Promise<number | null> {
  const [row] = await sql<{ taken: number | null }[]>`
    select api.apply_search_changes(p_changes_min => ${changesMin}, p_block_events => ${blockEvents}) as taken`
  return row!.taken
}

async function takeAll(sql: TransactionSql, options?: { blockEvents: number }): Promise<number> {
  let all = 0
  for (;;) {
    const taken = await take(sql, options)
    if (!taken) return all
    all += taken
  }
}

/** What the bitmaps alone say of a word, by the start of the events. */
async function knownOf(sql: TransactionSql, word: string): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select s.event_id::integer as id
    from onsale.search_blocks b
    join onsale.search_bitmaps m on m.from_at = b.from_at
    cross join lateral api.list_slots(coalesce(m.bits, api.get_bits(b.live_bits & ~ b.live_bits, m.slots, 1)) & b.live_bits) h
    join onsale.search_slots s on s.from_at = b.from_at and s.slot = h.slot
    where m.word = ${word}
    order by b.from_at, h.slot`
  return rows.map(({ id }) => id)
}

const changesOf = async (sql: TransactionSql) =>
  (await sql<{ id: number }[]>`select event_id::integer as id from onsale.search_changes order by 1`).map(
    ({ id }) => id,
  )

const blocksOf = async (sql: TransactionSql) =>
  (
    await sql<{ count: number }[]>`select event_count as count from onsale.search_blocks order by from_at`
  ).map(({ count }) => count)

const addMany = (sql: TransactionSql, count: number, title = 'Rock') => sql`
  with events as (
    insert into onsale.events (title, status, starts_at, currency)
    select ${title} || ' ' || n, 'active', timestamptz '2098-01-01' + n * interval '1 hour', 'EUR'
    from generate_series(1, ${count}::integer) as n
    returning id
  )
  insert into onsale.event_revisions (event_id, revision) select id, 1 from events`

describe('the list of changes', () => {
  check('has what is new, edited, hidden, shown or gone', async (sql) => {
    const edits: Record<string, (id: number) => Promise<unknown>> = {
      title: (id) => sql`update onsale.events set title = 'Jazz' where id = ${id}`,
      description: (id) => sql`update onsale.events set description = 'Jazz' where id = ${id}`,
      category: (id) => sql`update onsale.events set category = 'jazz' where id = ${id}`,
      start: (id) => sql`update onsale.events set starts_at = '2098-07-01' where id = ${id}`,
      end: (id) => sql`update onsale.events set ends_at = '2098-07-01' where id = ${id}`,
      status: (id) => sql`update onsale.events set status = 'draft' where id = ${id}`,
      deleted: (id) => sql`update onsale.events set deleted_at = '2026-01-01' where id = ${id}`,
      gone: async (id) => {
        await sql`delete from onsale.event_revisions where event_id = ${id}`
        await sql`delete from onsale.events where id = ${id}`
      },
    }
    for (const [what, work] of Object.entries(edits)) {
      const id = await addEvent(sql, { tickets: [] })
      expect(await changesOf(sql)).toEqual([id])
      await takeAll(sql)
      await work(id)
      expect([what, await changesOf(sql)]).toEqual([what, [id]])
      await takeAll(sql)
      expect([what, await changesOf(sql)]).toEqual([what, []])
    }
  })

  check(
    'tells what a search asks of the event, as it is now, but after a statement that wrote very many',
    async (sql) => {
      const told = async (id: number) => {
        const [row] = await sql`
        select
          c.search = e.search and c.category is not distinct from e.category and c.starts_at = e.sort_starts_at
            and c.over_at = e.over_at as is_told
        from onsale.search_changes c left join onsale.events e on e.id = c.event_id
        where c.event_id = ${id}`
        return row!.is_told
      }
      const id = await addEvent(sql, { title: 'Rock' })
      expect(await told(id)).toBe(true)
      await sql`update onsale.events set title = 'Jazz', starts_at = null, category = null where id = ${id}`
      expect(await told(id)).toBe(true)
      await sql`update onsale.events set status = 'draft' where id = ${id}`
      expect(await told(id)).toBeNull()
      await sql`update onsale.events set status = 'active' where id = ${id}`
      expect(await told(id)).toBe(true)
      await addMany(sql, 1001)
      expect(await told(id + 1)).toBeNull()
      await sql`update onsale.events set subtitle = 'x'`
      expect(await told(id)).toBeNull()
      await sql`update onsale.events set subtitle = 'y' where id = ${id}`
      expect(await told(id)).toBe(true)
      await sql`delete from onsale.event_revisions where event_id = ${id + 1}`
      await sql`delete from onsale.events where id = ${id + 1}`
      expect(await told(id + 1)).toBeNull()
    },
  )

  check('has what comes in where triggers are turned off', async (sql) => {
    await sql`set local session_replication_role = replica`
    const id = await addEvent(sql, { tickets: [] })
    expect(await changesOf(sql)).toEqual([id])
  })

  check('has nothing of drafts, and of edits that no search can see', async (sql) => {
    const draft = await addEvent(sql, { status: 'draft' })
    const id = await addEvent(sql)
    await takeAll(sql)
    await sql`update onsale.events set title = 'Jazz' where id = ${draft}`
    await sql`update onsale.events set images = '[{"url": "x"}]', version = version + 1 where id = ${id}`
    expect(await changesOf(sql)).toEqual([])
  })
})

describe('one call', () => {
  check('takes the changes in, a second one finds nothing', async (sql) => {
    const late = await addEvent(sql, { title: 'Rock', startsAt: '2098-02-01', category: 'jazz' })
    const soon = await addEvent(sql, { title: 'Rock Jazz', startsAt: '2098-01-01', category: null })
    expect(await take(sql)).toBe(2)
    expect(await changesOf(sql)).toEqual([])
    expect(await knownOf(sql, 'rock')).toEqual([soon, late])
    expect(await knownOf(sql, 'jazz')).toEqual([soon, late])
    expect(await knownOf(sql, '\u0001jazz')).toEqual([late])
    expect(await take(sql)).toBe(0)
  })

  check('does nothing for fewer changes than asked for', async (sql) => {
    await addMany(sql, 3)
    expect(await take(sql, { changesMin: 4 })).toBe(0)
    expect(await changesOf(sql)).toHaveLength(3)
    expect(await take(sql, { changesMin: 3 })).toBe(3)
  })

  check('forgets what is no longer public, also where nothing else has changed', async (sql) => {
    const [hidden, shown] = [await addEvent(sql, { title: 'Rock' }), await addEvent(sql, { title: 'Rock' })]
    await takeAll(sql)
    await sql`update onsale.events set status = 'archived' where id = ${hidden}`
    expect(await take(sql)).toBe(1)
    expect(await knownOf(sql, 'rock')).toEqual([shown])
    await sql`update onsale.events set status = 'active' where id = ${hidden}`
    expect(await take(sql)).toBe(1)
    expect(await knownOf(sql, 'rock')).toEqual([hidden, shown])
  })

  check('few hits are kept as slots, many as bits', async (sql) => {
    await addMany(sql, 33)
    await addMany(sql, 32, 'Jazz')
    await takeAll(sql)
    const rows = await sql`
      select word, bits is null as is_few from onsale.search_bitmaps where word in ('rock', 'jazz') order by word`
    expect([...rows]).toEqual([
      { word: 'jazz', is_few: true },
      { word: 'rock', is_few: false },
    ])
    expect(await knownOf(sql, 'rock')).toHaveLength(33)
    expect(await knownOf(sql, 'jazz')).toHaveLength(32)
  })

  check(
    'an event that ends before it starts stays on the list, and is no reason for another call',
    async (sql) => {
      const odd = await addEvent(sql, { title: 'Rock', startsAt: '2098-02-01', endsAt: '2098-01-01' })
      const id = await addEvent(sql, { title: 'Rock' })
      expect(await takeAll(sql)).toBe(1)
      expect(await changesOf(sql)).toEqual([odd])
      expect(await knownOf(sql, 'rock')).toEqual([id])
      await sql`update onsale.events set ends_at = null where id = ${odd}`
      expect(await takeAll(sql)).toBe(1)
      expect(await knownOf(sql, 'rock')).toEqual([odd, id])
    },
  )
})

describe('blocks', () => {
  check('are cut where one has grown by half, and hold together all that there is', async (sql) => {
    await addMany(sql, 100)
    expect(await takeAll(sql, { blockEvents: 20 })).toBe(100)
    const counts = await blocksOf(sql)
    expect(counts.length).toBeWithin(4, 7)
    expect(Math.max(...counts)).toBeLessThanOrEqual(30)
    expect((await knownOf(sql, 'rock')).length).toBe(100)
  })

  check('one that is cut keeps what was not edited', async (sql) => {
    await addMany(sql, 29)
    await takeAll(sql, { blockEvents: 20 })
    expect(await blocksOf(sql)).toEqual([29])
    await addMany(sql, 2)
    expect(await take(sql, { blockEvents: 20 })).toBe(2)
    expect(await blocksOf(sql)).toHaveLength(2)
    expect(await changesOf(sql)).toEqual([])
    expect((await knownOf(sql, 'rock')).length).toBe(31)
  })

  check('events of one instant stay in one block, however many', async (sql) => {
    await sql`
      with events as (
        insert into onsale.events (title, status, starts_at, currency)
        select 'Rock', 'active',
          case when n <= 70 then null when n > 75 then timestamptz '2098-05-05' else '2098-01-01' end, 'EUR'
        from generate_series(1, 150) as n
        returning id
      )
      insert into onsale.event_revisions (event_id, revision) select id, 1 from events`
    expect(await takeAll(sql, { blockEvents: 20 })).toBe(150)
    expect((await blocksOf(sql)).toSorted((one, other) => other - one).slice(0, 2)).toEqual([75, 70])
    expect((await knownOf(sql, 'rock')).length).toBe(150)
  })

  check('an event that moves is known in its new block only', async (sql) => {
    await addMany(sql, 60)
    await takeAll(sql, { blockEvents: 20 })
    const [first, last] = await sql<{ id: number }[]>`
      (select id::integer as id from onsale.events order by sort_starts_at limit 1)
      union all (select id::integer from onsale.events order by sort_starts_at desc limit 1)`
    await sql`update onsale.events set starts_at = '2098-01-03T05:30:00Z' where id in (${first!.id}, ${last!.id})`
    expect(await takeAll(sql, { blockEvents: 20 })).toBe(2)
    const known = await knownOf(sql, 'rock')
    expect(known.toSorted()).toEqual([...new Set(known)].toSorted())
    const truth = await sql<
      { id: number }[]
    >`select id::integer as id from onsale.events order by sort_starts_at, id`
    expect(known).toEqual(truth.map(({ id }) => id))
  })
})

describe('beside writers', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase({ connections: 4 })
  })
  afterAll(() => database.drop())

  test('what is not committed yet stays on the list, and nobody waits', async () => {
    const { admin } = database
    const id = await addEvent(admin, { title: 'Rock', tickets: [] })
    const other = await addEvent(admin, { title: 'Rock', tickets: [] })
    const edited = Promise.withResolvers<void>()
    const mayCommit = Promise.withResolvers<void>()
    const writer = admin.begin(async (sql) => {
      await sql`update onsale.events set title = 'Jazz' where id = ${id}`
      edited.resolve()
      await mayCommit.promise
    })
    await edited.promise
    const taken = await admin.begin((sql) => take(sql))
    mayCommit.resolve()
    await writer
    expect(taken).toBe(1)
    await admin.begin(async (sql) => {
      expect(await changesOf(sql)).toEqual([id])
      expect(await take(sql)).toBe(1)
      expect(await knownOf(sql, 'jazz')).toEqual([id])
      expect(await knownOf(sql, 'rock')).toEqual([other])
    })
  }, 30_000)

  test('one call at a time is at it', async () => {
    const { admin } = database
    await addEvent(admin, { tickets: [] })
    await admin.begin(async (first) => {
      expect(await take(first)).toBe(1)
      await addEvent(admin, { tickets: [] })
      expect(await admin.begin((second) => take(second))).toBeNull()
    })
    expect(await admin.begin((sql) => take(sql))).toBe(1)
  }, 30_000)

  test(
    'edits and calls side by side end in bitmaps that tell the truth',
    () =>
      withDatabase(async ({ admin }) => {
        await admin.begin((sql) => addMany(sql, 200))
        let isOver = false
        const words = ['rock', 'jazz', 'folk']
        const writers = [1, 2, 3].map(async (seed) => {
          for (let nth = 0; nth < 60; nth++) {
            const id = 1 + ((nth * 37 + seed * 61) % 200)
            const word = words[(nth + seed) % 3]!
            if (nth % 4 === 0) {
              await admin`update onsale.events set starts_at = starts_at + ${nth} * interval '3 hours' where id = ${id}`
            } else if (nth % 4 === 1) {
              await admin`update onsale.events set status = case status when 'active' then 'draft' else 'active' end::onsale.event_status where id = ${id}`
            } else {
              await admin`update onsale.events set title = ${word} where id between ${id} and ${id + 3}`
            }
          }
        })
        const packer = (async () => {
          while (!isOver) await admin.begin((sql) => take(sql, { blockEvents: 20 }))
        })()
        await Promise.all(writers)
        isOver = true
        await packer
        await admin.begin(async (sql) => {
          await takeAll(sql, { blockEvents: 20 })
          expect(await changesOf(sql)).toEqual([])
          for (const word of words) {
            const truth = await sql<{ id: number }[]>`
            select id::integer as id from onsale.events
            where status = 'active' and search @@ ${word}::text::tsquery order by sort_starts_at, id`
            expect([word, await knownOf(sql, word)]).toEqual([word, truth.map(({ id }) => id)])
          }
        })
      }),
    60_000,
  )
})
