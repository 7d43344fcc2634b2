import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { rollbackTest, type TestDatabase, testDatabase } from '../harness.ts'
import { dumpSchema, schemaFile } from '../schema.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('the committed dump is what the migrations make (bun run schema writes it)', async () => {
  expect((await dumpSchema(database.admin)).split('\n')).toEqual(readFileSync(schemaFile, 'utf8').split('\n'))
})

test('nothing in the data schema depends on a function of api', async () => {
  await rollbackTest(database.admin, async (sql) => {
    const before = await dumpSchema(sql)
    await sql`drop schema api cascade`
    expect(await dumpSchema(sql)).toBe(before)
  })
  const dependants = await database.admin`
    select pg_describe_object(d.classid, d.objid, d.objsubid) as object, p.proname as needs
    from pg_depend d
    join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    where p.pronamespace = 'api'::regnamespace
      and not exists (
        select from pg_proc o
        where d.classid = 'pg_proc'::regclass and o.oid = d.objid and o.pronamespace = 'api'::regnamespace
      )`
  expect([...dependants]).toEqual([])
})

test('every table says what one row of it is', async () => {
  const silent = await database.admin`
    select c.relname from pg_class c
    where c.relnamespace = 'onsale'::regnamespace and c.relkind = 'r' and obj_description(c.oid, 'pg_class') is null`
  expect(silent.map((row) => row.relname)).toEqual([])
})

test('the rows that burn leave room on their pages, and no index stands on a counter', async () => {
  const indexed = await database.admin`
    select c.relname, a.attname
    from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where c.relname in ('stock', 'event_revisions', 'catalogue')
      and a.attname not in ('event_id', 'ticket_id', 'channel', 'is_only')`
  expect([...indexed]).toEqual([])
  const options = await database.admin`
    select relname, reloptions from pg_class where relname in ('stock', 'event_revisions', 'catalogue')`
  for (const { relname, reloptions } of options)
    expect([relname, reloptions]).toEqual([relname, ['fillfactor=50']])
})

test("the service's role can read and write no table, and is nothing but itself", async () => {
  const rights = await database.admin`
    select c.relname, p.privilege
    from pg_class c
    cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as p (privilege)
    where c.relnamespace = 'onsale'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
      and (has_table_privilege('onsale_service', c.oid, p.privilege)
        or p.privilege in ('select', 'insert', 'update', 'references')
          and has_any_column_privilege('onsale_service', c.oid, p.privilege))
    union all
    select c.relname, 'sequence' from pg_class c
    where c.relnamespace = 'onsale'::regnamespace
      and case when c.relkind = 'S' then has_sequence_privilege('onsale_service', c.oid, 'usage, select, update') end
    union all
    select n.nspname, p.privilege
    from pg_namespace n
    cross join unnest(array['create', 'usage']) as p (privilege)
    where n.nspname in ('onsale', 'api', 'public')
      and has_schema_privilege('onsale_service', n.oid, p.privilege)
      and (n.nspname, p.privilege) not in (('api', 'usage'), ('public', 'usage'))`
  expect([...rights]).toEqual([])

  const [role] = await database.admin`
    select rolsuper or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication or rolbypassrls as is_more,
      (select count(*)::integer from pg_auth_members m where m.member = r.oid) as member_of
    from pg_roles r where rolname = 'onsale_service'`
  expect(role).toEqual({ is_more: false, member_of: 0 })

  const tables = await database.admin`
    select relname from pg_class where relnamespace = 'onsale'::regnamespace and relkind = 'r'`
  expect(tables.length).toBeGreaterThan(15)
  for (const { relname } of tables) {
    const read = database.service`select from onsale.${database.service(relname)} limit 1`
    expect(
      await read.then(
        () => 'read',
        (error) => error.code,
      ),
    ).toBe('42501')
  }
})

test('neither role of ours can log in', async () => {
  const rows = await database.admin`
    select rolname, rolcanlogin from pg_roles where rolname in ('onsale_owner', 'onsale_service') order by 1`
  expect([...rows]).toEqual([
    { rolname: 'onsale_owner', rolcanlogin: false },
    { rolname: 'onsale_service', rolcanlogin: false },
  ])
})
