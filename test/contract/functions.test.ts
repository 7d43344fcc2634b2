import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type TestDatabase, testDatabase } from '../harness.ts'

// File = function = test, and what every function of `api` owes: its comment, its owner, its rights, its words.

const root = join(import.meta.dir, '../..')
const files = readdirSync(join(root, 'sql/functions'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.sql'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(root, 'sql/functions', path), 'utf8')
    return {
      path,
      flow: dirname(path),
      name: basename(path, '.sql'),
      text,
      code: text.replace(/--.*$/gm, ''),
    }
  })

type Row = {
  name: string
  owner: string
  comment: string | null
  volatility: string
  is_definer: boolean
  config: string[] | null
  inputs: string[]
  is_granted: boolean
  is_public: boolean
}

let database: TestDatabase
let functions: Row[]
beforeAll(async () => {
  database = await testDatabase()
  functions = await database.admin<Row[]>`
    select
      p.proname as name,
      pg_get_userbyid(p.proowner) as owner,
      obj_description(p.oid, 'pg_proc') as comment,
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
      p.prosecdef as is_definer,
      p.proconfig as config,
      coalesce((
        select array_agg(a.name)
        from unnest(p.proargnames) with ordinality as a (name, nth)
        where p.proargmodes is null or p.proargmodes[a.nth] in ('i', 'b', 'v')
      ), '{}') as inputs,
      has_function_privilege('onsale_service', p.oid, 'execute') as is_granted,
      exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g where g.grantee = 0
      ) as is_public
    from pg_proc p
    where p.pronamespace = 'api'::regnamespace
    order by p.proname`
})
afterAll(() => database.drop())

/** The names of which something is true: the shortest way to see which are at fault. */
const namesOf = (rows: readonly { name: string }[]) => rows.map((row) => row.name)

describe('a file', () => {
  test('defines exactly the function that it is named after, and comments on it', () => {
    for (const { path, name, code } of files) {
      const defined = [...code.matchAll(/create or replace function\s+(\S+?)\s*\(/g)].map((match) => match[1])
      const commented = [...code.matchAll(/comment on function\s+(\S+?)\s*\(/g)].map((match) => match[1])
      expect([path, defined, commented]).toEqual([path, [`api.${name}`], [`api.${name}`]])
    }
  })

  test('is loaded as one function, and nothing else is in api', () => {
    expect(namesOf(functions)).toEqual(namesOf(files).sort())
  })

  test('has its test', () => {
    const untested = files.filter(
      ({ flow, name }) => !existsSync(join(root, 'test/sql', flow, `${name}.test.ts`)),
    )
    expect(untested.map(({ path }) => path)).toEqual([])
  })

  test('begins with what it is for', () => {
    expect(namesOf(files.filter(({ text }) => !/^-- [A-Z]/.test(text)))).toEqual([])
  })

  test('is a test only of a function that there is', () => {
    const tests = readdirSync(join(root, 'test/sql'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => path.replace(/\.test\.ts$/, '.sql'))
    expect(tests.filter((path) => !files.some((file) => file.path === path))).toEqual([])
  })
})

describe('a function', () => {
  test('begins with a verb of the list in sql/README.md', () => {
    const list = /verbs: ([a-z, ]+)\./
      .exec(readFileSync(join(root, 'sql/README.md'), 'utf8'))?.[1]
      ?.split(', ')
    expect(list?.length).toBeGreaterThan(5)
    expect(namesOf(functions).filter((name) => !list?.includes(name.split('_')[0]!))).toEqual([])
  })

  test('is owned by the owner, who has said what it does', () => {
    expect(functions.filter(({ owner }) => owner !== 'onsale_owner')).toEqual([])
    expect(namesOf(functions.filter(({ comment }) => !comment))).toEqual([])
  })

  test('says its volatility in writing, and PostgreSQL agrees', () => {
    for (const { path, name, code } of files) {
      const written = /^(immutable|stable|volatile)$/m.exec(code)?.[1]
      expect([path, written]).toEqual([path, functions.find((row) => row.name === name)?.volatility])
    }
  })

  test('names its parameters p_', () => {
    expect(functions.filter(({ inputs }) => inputs.some((input) => !/^p_[a-z_]+$/.test(input)))).toEqual([])
  })

  test('holds no dynamic SQL and swallows no error it does not name', () => {
    const bodies = files.map((file) => ({ ...file, code: file.code.replace(/'(?:[^']|'')*'/g, "''") }))
    expect(namesOf(bodies.filter(({ code }) => /\bexecute\b(?! function)/i.test(code)))).toEqual([])
    expect(namesOf(bodies.filter(({ code }) => /when\s+others/i.test(code)))).toEqual([])
  })

  test('raises only errors of our own family', () => {
    for (const { path, code } of files) {
      const raises = [...code.matchAll(/\braise\s+exception\b[^;]*;/gi)].map((match) => match[0])
      for (const raise of raises) expect([path, /errcode = 'OS\d{3}'/.test(raise)]).toEqual([path, true])
    }
  })
})

describe('rights', () => {
  test('the service may execute what grants.sql names, and nothing else', () => {
    const grants = readFileSync(join(root, 'sql/grants.sql'), 'utf8').replace(/--.*$/gm, '')
    const granted = [...grants.matchAll(/grant execute on function api\.(\w+)/g)].map((match) => match[1])
    expect(namesOf(functions.filter(({ is_granted }) => is_granted))).toEqual((granted as string[]).sort())
    const others = grants.match(
      /\b(grant|revoke)\b(?! execute on function api\.\w+ to onsale_service;)[^;]*;/g,
    )
    expect(others).toEqual(['grant usage on schema api to onsale_service;'])
  })

  test('everybody may execute nothing', () => {
    expect(namesOf(functions.filter(({ is_public }) => is_public))).toEqual([])
  })

  test('an entry point runs with the rights of its owner and looks nothing up in a search path', () => {
    const entries = functions.filter(({ is_granted }) => is_granted)
    expect(namesOf(entries.filter(({ is_definer }) => !is_definer))).toEqual([])
    expect(namesOf(entries.filter(({ config }) => !config?.includes('search_path=""')))).toEqual([])
  })

  test('a piece runs with the rights of its caller', () => {
    const pieces = functions.filter(({ is_granted }) => !is_granted)
    expect(namesOf(pieces.filter(({ is_definer }) => is_definer))).toEqual([])
  })

  test('every entry point is called from the TypeScript', () => {
    const calls = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
      .join('\n')
    const entries = functions.filter(({ is_granted }) => is_granted)
    expect(namesOf(entries.filter(({ name }) => !new RegExp(`\\bapi\\.${name}\\b`).test(calls)))).toEqual([])
  })
})
