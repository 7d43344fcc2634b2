import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../../src/errors.ts'

// What the sources promise each other, read from the files themselves.

const root = join(import.meta.dir, '../..')

function filesUnder(folder: string, ending: string): { path: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => ({ path: `${folder}/${path}`, text: readFileSync(join(root, folder, path), 'utf8') }))
}

/** The text without comments, which may speak of SQL and of codes. */
function codeOf(text: string): string {
  return text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
}

const sources = filesUnder('src', '.ts').map(({ path, text }) => ({ path, code: codeOf(text) }))

describe('SQL', () => {
  test('stands in calls.ts, and where databases are made', () => {
    const mayHoldSql = /\/calls\.ts$|^src\/platform\/(migrate|embedded)\.ts$/
    const sql =
      /`\s*(select|insert|update|delete|with|create|alter|drop|truncate|listen|notify|grant|set|do)\s|\.unsafe\(/i
    const strays = sources.filter(({ path, code }) => !mayHoldSql.test(path) && sql.test(code))
    expect(strays.map(({ path }) => path)).toEqual([])
  })

  test('is not reached by the sandbox, except through the API', () => {
    const reaching = filesUnder('src', '.ts').filter(({ text }) => /from '(\.\.\/)+sandbox\//.test(text))
    expect(reaching.map(({ path }) => path)).toEqual([])
  })

  test('raises no state that is not registered, and registers none that is not raised', () => {
    const raised = filesUnder('sql', '.sql').flatMap(({ text }) =>
      [...text.matchAll(/errcode\s*=\s*'([0-9A-Z]{5})'/g)].map((match) => match[1] as string),
    )
    const register = readFileSync(join(root, 'sql/README.md'), 'utf8')
    const registered = [...register.matchAll(/^\|\s*(OS\d{3})\s*\|/gm)].map((match) => match[1] as string)
    expect([...new Set(raised)].toSorted()).toEqual(registered.toSorted())
    for (const state of registered) expect(state).not.toEndWith('000')
  })
})

describe('error codes', () => {
  test('are all used', () => {
    const unused = Object.keys(errorCodes).filter(
      (code) => !sources.some((file) => file.path !== 'src/errors.ts' && file.code.includes(`'${code}'`)),
    )
    expect(unused).toEqual([])
  })

  test('are words of lower case, with a status of refusal and a sentence', () => {
    for (const [code, { status, title }] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(status).toBeWithin(400, 600)
      expect(title).toMatch(/^[A-Z].*[^.]$/)
    }
  })
})

describe('limits', () => {
  test('are numbers with their unit or what they count in the name', async () => {
    for (const [name, value] of Object.entries(await import('../../src/limits.ts'))) {
      expect([name, typeof value]).toEqual([name, 'number'])
      expect([name, Number(value) > 0]).toEqual([name, true])
    }
  })
})

describe('the environment', () => {
  test('is handed in by the command line; a child process is given a PATH, nothing else reads it', () => {
    const code = (text: string) => text.replace(/process\.env\.PATH\b/g, '')
    const readers = sources.filter((file) => /process\.env|Bun\.env|import\.meta\.env/.test(code(file.code)))
    expect(readers.map(({ path }) => path).toSorted()).toEqual(['src/main.ts', 'src/up.ts'])
  })
})
