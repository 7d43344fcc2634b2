import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Subprocess } from 'bun'

export type Spawned = {
  process: Subprocess
  url: string
  /** Everything it said so far. */
  output: () => string
  /** Of that, what it wrote to its standard output. */
  log: () => string
}

export type Ended = { code: number; output: string }

/** The program. */
export const main = resolve(import.meta.dir, '../../src/main.ts')

/** Starts a role of `src/main.ts` on a free port, away from the repository's `.env`, and waits until it serves. */
export async function spawnOnsale(args: string[], env: Record<string, string>): Promise<Spawned> {
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let text = ''
  let log = ''
  const collect = async (stream: ReadableStream<Uint8Array>, keep: (piece: string) => void) => {
    const decoder = new TextDecoder()
    for await (const piece of stream) keep(decoder.decode(piece, { stream: true }))
  }
  void collect(child.stdout, (piece) => {
    text += piece
    log += piece
  })
  void collect(child.stderr, (piece) => {
    text += piece
  })
  const endsAt = performance.now() + 30_000
  for (;;) {
    const port = /"port":(\d+)/.exec(text)?.[1] ?? /^Onsale serves http:\/\/localhost:(\d+)/m.exec(text)?.[1]
    if (port) return { process: child, url: `http://127.0.0.1:${port}`, output: () => text, log: () => log }
    if (child.exitCode !== null || performance.now() > endsAt) {
      child.kill('SIGKILL')
      throw new Error(`Onsale did not start: ${text}`)
    }
    await Bun.sleep(10)
  }
}

/** Runs a command of `src/main.ts` to its end. */
export async function runOnsale(args: string[], env: Record<string, string>): Promise<Ended> {
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, output: output + errors }
}
