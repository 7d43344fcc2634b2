import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { processPollMs } from '../limits.ts'

/**
 * Whether the process `pid` runs and works in `folder` (its directory, or a word of its command line): how a
 * server that a killed run left behind is told from a stranger that got its number.
 */
export function worksIn(pid: number, folder: string): boolean {
  if (!isAlive(pid)) return false
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(folder)
    }
    // A zombie has an empty command line and no directory: as good as gone.
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return words.includes(folder) || (words[0] !== '' && readlinkSync(`/proc/${pid}/cwd`) === folder)
  } catch {
    return false
  }
}

/** True where a process of this number exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * The processes that stand between us and whoever typed the command, nearest first: `bun run`, the shell of
 * npm, `npx`. Where the system does not tell (no /proc), our parent alone. It changes when one of them ends.
 */
export function launchers(): number[] {
  const chain = [process.ppid]
  if (process.platform !== 'linux') return chain
  for (let pid = process.ppid; chain.length < 8; ) {
    pid = parentOf(pid)
    if (!launcherCommand.test(commandOf(pid))) return chain
    chain.push(pid)
  }
  return chain
}

const launcherCommand = /^(npx|npm|bunx|bun|sh -c|\S*\/(npx|npm|bunx|bun|sh) )|npx-cli|npm-cli/

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function parentOf(pid: number): number {
  try {
    // The name in brackets may itself hold brackets and spaces.
    const [, afterName = ''] = /\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return Number(afterName)
  } catch {
    return 0
  }
}

/** Whether the terminal that this process belongs to is there; false after it was closed, and where there is none. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch {
    // Gone between the look and the signal.
  }
}

/** Waits until `done` says so; false where that took longer than `timeoutMs`. */
export async function waitUntil(
  done: () => boolean | Promise<boolean>,
  { timeoutMs }: { timeoutMs: number },
): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs
  while (!(await done())) {
    if (performance.now() > endsAt) return false
    await Bun.sleep(processPollMs)
  }
  return true
}

/** A port of 127.0.0.1 that nobody listens on right now: `wanted` if it is free. */
export async function freePort(wanted = 0): Promise<number> {
  const port = await new Promise<number | null>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ host: '127.0.0.1', port: wanted, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : null))
    })
  })
  return port ?? freePort()
}
