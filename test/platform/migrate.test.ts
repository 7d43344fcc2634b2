import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openPool, type Sql, serviceRole } from '../../src/platform/database.ts'
import { migrate, schemaFault } from '../../src/platform/migrate.ts'
import { emptyDatabase } from '../harness.ts'

setDefaultTimeout(60_000)

let database: Awaited<ReturnType<typeof emptyDatabase>>
let sqlDir: string
const pools: Sql[] = []

beforeEach(async () => {
  database = await emptyDatabase()
  sqlDir = mkdtempSync(join(tmpdir(), 'onsale-sql-'))
  write('migrations/0001_things.sql', 'create table onsale.things (id integer primary key);')
  write('functions/ops/get_one.sql', functionText('get_one', '1'))
  write(
    'grants.sql',
    'grant usage on schema api to onsale_service;\ngrant execute on function api.get_one to onsale_service;',
  )
})

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end({ timeout: 1 })))
  await database.drop()
  rmSync(sqlDir, { recursive: true, force: true })
})

function write(path: string, text: string) {
  mkdirSync(dirname(join(sqlDir, path)), { recursive: true })
  writeFileSync(join(sqlDir, path), text)
}

function functionText(name: string, result: string, parameters = '') {
  return `create or replace function api.${name}(${parameters})
returns integer
language sql
stable
security definer
set search_path = ''
as $$ select ${result} $$;`
}

function openService(max = 1): Sql {
  const pool = openPool(database.url, { name: 'test', max, role: serviceRole })
  pools.push(pool)
  return pool
}

async function functions(): Promise<string[]> {
  const rows = await database.admin`
    select oid::regprocedure::text as signature from pg_proc where pronamespace = 'api'::regnamespace order by 1`
  return rows.map((row) => row.signature)
}

const run = () => migrate(database.url, { sqlDir })

describe('migrate', () => {
  test('applies what is new, and the second time finds nothing to do', async () => {
    expect(await run()).toEqual({ applied: ['migrations/0001_things.sql'], functions: 'loaded' })
    expect(await run()).toEqual({ applied: [], functions: 'current' })

    write('migrations/0002_more.sql', 'alter table onsale.things add column name text;')
    expect(await run()).toEqual({ applied: ['migrations/0002_more.sql'], functions: 'loaded' })
    const rows = await database.admin`select number, name from onsale.migrations order by number`
    expect([...rows]).toEqual([
      { number: 1, name: 'things' },
      { number: 2, name: 'more' },
    ])
  })

  test('two that deploy at once both succeed, and each file runs once', async () => {
    const results = await Promise.all([run(), run(), run()])
    expect(results.flatMap(({ applied }) => applied)).toEqual(['migrations/0001_things.sql'])
    expect(results.filter(({ functions }) => functions === 'loaded')).toHaveLength(1)
  })

  test('what it makes belongs to a role that cannot log in', async () => {
    await run()
    const [row] = await database.admin`
      select
        (select array_agg(distinct tableowner::text) from pg_tables where schemaname = 'onsale') as tables,
        (select array_agg(distinct proowner::regrole::text) from pg_proc where pronamespace = 'api'::regnamespace)
          as functions,
        (select bool_or(rolcanlogin) from pg_roles where rolname in ('onsale_owner', 'onsale_service')) as login`
    expect(row).toEqual({ tables: ['onsale_owner'], functions: ['onsale_owner'], login: false })
  })

  test('a file that fails leaves nothing behind and names its line', async () => {
    write('migrations/0002_bad.sql', 'create table onsale.half (id integer);\n\nselect nonsense;')
    await expect(run()).rejects.toThrow('sql/migrations/0002_bad.sql:3: column "nonsense" does not exist')
    const [row] =
      await database.admin`select to_regclass('onsale.half') as half, to_regclass('onsale.things') as things`
    expect(row).toEqual({ half: null, things: 'onsale.things' })
    expect(await functions()).toEqual([])
  })

  test('an edited file is refused', async () => {
    await run()
    write('migrations/0001_things.sql', 'create table onsale.things (id bigint primary key);')
    await expect(run()).rejects.toThrow('migrations/0001_things.sql is not what was applied as migration 1')
  })

  test('a database that is newer than the code is refused', async () => {
    write('migrations/0002_more.sql', 'select 1;')
    await run()
    rmSync(join(sqlDir, 'migrations/0002_more.sql'))
    await expect(run()).rejects.toThrow('The database is newer than this code: it has migration 2 (more)')
  })

  test('a gap in the numbers is refused', async () => {
    write('migrations/0003_late.sql', 'select 1;')
    await expect(run()).rejects.toThrow('migrations/0003_late.sql must be named 0002_<words>.sql')
  })

  test('a database that cannot be reached is named without the password', async () => {
    await expect(migrate('postgres://me:hunter2@127.0.0.1:9/x', { sqlDir })).rejects.toThrow(
      'Cannot use the database postgres://me@127.0.0.1:9/x: connect ECONNREFUSED',
    )
  })
})

describe('functions', () => {
  test('may call what a later file makes', async () => {
    write('functions/ops/a_first.sql', functionText('a_first', 'api.z_last()'))
    write('functions/ops/z_last.sql', functionText('z_last', '2'))
    await run()
    const [row] = await database.admin`select api.a_first() as value`
    expect(row?.value).toBe(2)
  })

  test('are checked while they are loaded, and a fault undoes the whole load', async () => {
    await run()
    write('functions/ops/get_one.sql', functionText('get_one', '11'))
    write('functions/ops/get_two.sql', functionText('get_two', 'no_such_column'))
    await expect(run()).rejects.toThrow('sql/functions/ops/get_two.sql')
    const [row] = await database.admin`select api.get_one() as value`
    expect(row?.value).toBe(1)
  })

  test('a shadowed variable in plpgsql is an error while loading', async () => {
    const body = `create or replace function api.get_two(p_x integer) returns integer language plpgsql volatile
      as $$ declare p_x integer := 1; begin return p_x; end $$;`
    write('functions/ops/get_two.sql', body)
    await expect(run()).rejects.toThrow('shadows')
  })

  test('without a file are dropped, and so is the old one of two signatures', async () => {
    write('functions/ops/get_two.sql', functionText('get_two', '2'))
    await run()
    expect(await functions()).toEqual(['api.get_one()', 'api.get_two()'])

    rmSync(join(sqlDir, 'functions/ops/get_two.sql'))
    write('functions/ops/get_one.sql', functionText('get_one', 'p_x', 'p_x integer'))
    await run()
    expect(await functions()).toEqual(['api.get_one(integer)'])
  })

  test('cannot change their result in place: the sentence tells the way', async () => {
    await run()
    write(
      'functions/ops/get_one.sql',
      functionText('get_one', "'1'").replace('returns integer', 'returns text'),
    )
    await expect(run()).rejects.toThrow('A function whose signature changes needs a new name')
  })

  test('disturb no client while they are loaded again and again', async () => {
    await run()
    const service = openService(8)
    let isOver = false
    const seen = new Set<number>()
    let callsCount = 0
    const clients = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const [row] = await service`select api.get_one() as value`
        seen.add(row?.value)
        callsCount++
      }
    })
    for (let value = 2; value <= 12; value++) {
      write('functions/ops/get_one.sql', functionText('get_one', String(value)))
      await run()
    }
    isOver = true
    await Promise.all(clients)
    expect(seen.size).toBeGreaterThan(2)
    expect(callsCount).toBeGreaterThan(100)
  })
})

describe("the service's role", () => {
  test('executes what grants.sql names and can read no table', async () => {
    write('functions/ops/get_two.sql', functionText('get_two', '2'))
    await run()
    const service = openService()
    const [row] = await service`select api.get_one() as value`
    expect(row?.value).toBe(1)
    await expect(service`select api.get_two()`.execute()).rejects.toThrow(
      'permission denied for function get_two',
    )
    await expect(service`select * from onsale.things`.execute()).rejects.toThrow(
      'permission denied for schema onsale',
    )
    await expect(service`insert into onsale.things values (1)`.execute()).rejects.toThrow('permission denied')
    await expect(service`select * from onsale.migrations`.execute()).rejects.toThrow('permission denied')
    await expect(service`create table api.mine (id integer)`.execute()).rejects.toThrow('permission denied')
    await expect(
      service`create function api.mine() returns int language sql as 'select 1'`.execute(),
    ).rejects.toThrow('permission denied')
  })

  test('loses what grants.sql no longer names', async () => {
    await run()
    write('grants.sql', 'grant usage on schema api to onsale_service;')
    await run()
    await expect(openService()`select api.get_one()`.execute()).rejects.toThrow('permission denied')
  })

  test('can tell whether the schema is current without a right on any table', async () => {
    const service = openService()
    await migrate(database.url, { sqlDir })
    expect(await schemaFault(service, { sqlDir })).toBeNull()

    write('functions/ops/get_one.sql', functionText('get_one', '3'))
    expect(await schemaFault(service, { sqlDir })).toContain('not those of this code')
    write('migrations/0002_more.sql', 'select 1;')
    expect(await schemaFault(service, { sqlDir })).toContain('is at migration 1, this code needs 2')

    await run()
    rmSync(join(sqlDir, 'migrations/0002_more.sql'))
    // Older code on a newer database goes on: functions stay compatible.
    expect(await schemaFault(service, { sqlDir })).toBeNull()
  })

  test('of a database that was never migrated is told to migrate', async () => {
    expect(await schemaFault(database.admin, { sqlDir })).toContain('run `migrate` first')
  })

  test("is given to a login of the service's own", async () => {
    const login = `onsale_test_app_${process.pid}`
    await database.admin.unsafe(`drop role if exists ${login}; create role ${login} login password 'pw'`)
    try {
      await migrate(database.url, { sqlDir, serviceLogin: login })
      const url = new URL(database.url)
      url.username = login
      url.password = 'pw'
      const own = openPool(url.href, { name: 'test', max: 1 })
      pools.push(own)
      const [row] = await own`select api.get_one() as value`
      expect(row?.value).toBe(1)
      await expect(own`select * from onsale.things`.execute()).rejects.toThrow('permission denied')
      await own.end()
    } finally {
      await database.admin.unsafe(`drop role ${login}`)
    }
  })
})
