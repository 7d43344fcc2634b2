import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { AppError, isPoison, isTransient, problem, reasonOf, sqlState, toAppError } from '../../src/errors.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ connections: 2 })
})
afterAll(() => database.drop())

/** The error that PostgreSQL itself answers with. */
async function errorOf(statement: string, sql: Sql = database.admin): Promise<unknown> {
  try {
    await sql.unsafe(statement)
  } catch (error) {
    return error
  }
  throw new Error(`This was not refused: ${statement}`)
}

describe('an error of PostgreSQL', () => {
  test.each([
    ['22012', 'select 1 / 0'],
    ['22P02', `select 'x'::int`],
    ['22P05', `select '"\\u0000"'::jsonb ->> 0`],
    ['22003', 'select 99999999999::int'],
    ['23505', 'do $$ begin create temp table t (a int unique); insert into t values (1), (1); end $$'],
    ['P0001', `do $$ begin raise exception 'no'; end $$`],
    ['XX000', `do $$ begin raise exception 'no' using errcode = 'XX000'; end $$`],
  ])('%s blames the input', async (state, statement) => {
    const error = await errorOf(statement)
    expect(sqlState(error)).toBe(state)
    expect([isPoison(error), isTransient(error)]).toEqual([true, false])
    expect(toAppError(error)).toMatchObject({ code: 'internal', cause: error })
  })

  test.each([
    ['57014', 'busy', `do $$ begin raise exception 'no' using errcode = '57014'; end $$`],
    ['40P01', 'busy', `do $$ begin raise exception 'no' using errcode = '40P01'; end $$`],
    ['55P03', 'busy', `do $$ begin raise exception 'no' using errcode = '55P03'; end $$`],
    ['53300', 'busy', `do $$ begin raise exception 'no' using errcode = '53300'; end $$`],
    ['57P01', 'unavailable', `do $$ begin raise exception 'no' using errcode = '57P01'; end $$`],
    ['42883', 'unavailable', 'select api.no_such_function()'],
    ['25006', 'unavailable', `do $$ begin set transaction_read_only = on; create table public.x (); end $$`],
  ])('%s blames nothing that the sender can change (%s)', async (state, code, statement) => {
    const error = await errorOf(statement)
    expect(sqlState(error)).toBe(state)
    expect([isPoison(error), isTransient(error)]).toEqual([false, true])
    const refusal = toAppError(error)
    expect(refusal.code).toBe(code as never)
    expect(refusal.status).toBe(503)
    expect(refusal.retryAfterS).toBe(1)
  })
})

describe('an error on the way', () => {
  test('a server that refuses connections is away', async () => {
    const pool = openPool('postgres://nobody@127.0.0.1:1/none', { name: 'test', max: 1 })
    const error = await errorOf('select 1', pool)
    await pool.end({ timeout: 0 })
    expect(isTransient(error)).toBe(true)
    expect(toAppError(error).code).toBe('unavailable')
  })

  test('a session that is ended in the middle of a call is away', async () => {
    const pool = openPool(database.url, { name: 'test', max: 1 })
    const error = await errorOf('select pg_terminate_backend(pg_backend_pid())', pool)
    await pool.end({ timeout: 0 })
    expect(isTransient(error)).toBe(true)
  })

  test('a pool that was ended is away', async () => {
    const pool = openPool(database.url, { name: 'test', max: 1 })
    await pool.end({ timeout: 0 })
    expect(isTransient(await errorOf('select 1', pool))).toBe(true)
  })

  test('a refusal of our own that asks to come back is transient, another is not', () => {
    expect(isTransient(new AppError('busy', 'Later'))).toBe(true)
    expect(isTransient(new AppError('bad_request', 'Never'))).toBe(false)
    expect(isTransient(new TypeError('a bug'))).toBe(false)
    expect(isTransient('text')).toBe(false)
  })
})

describe('a problem', () => {
  test('tells nothing of what happened underneath', async () => {
    const error = await errorOf(`select 'mail@example.com'::int`)
    const response = problem(error, 'id-1')
    const text = await response.text()
    expect(text).not.toContain('mail@example.com')
    expect(JSON.parse(text)).toEqual({
      type: 'urn:onsale:problem:internal',
      title: 'Something went wrong on our side',
      status: 500,
      code: 'internal',
      detail: 'The request failed on our side and was logged',
      request_id: 'id-1',
    })
  })

  test('carries faults, members and headers', async () => {
    const refusal = new AppError('not_found', 'Gone', {
      errors: [{ path: '/a', message: 'Expected a' }],
      extra: { current_version: 4 },
      headers: { allow: 'GET' },
      retryAfterS: 0.2,
    })
    const response = problem(refusal, 'id-2')
    expect(response.status).toBe(404)
    expect(response.headers.get('allow')).toBe('GET')
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({
      current_version: 4,
      errors: [{ path: '/a', message: 'Expected a' }],
    })
  })
})

test('a reason is kept without what PostgreSQL cannot store, and without an end', () => {
  expect(reasonOf(new Error('half \ud83d and \0'))).toBe('half \ufffd and  ')
  expect(reasonOf(new Error('x'.repeat(600)))).toHaveLength(500)
  expect(reasonOf('no error')).toBe('no error')
})
