// What the figures are held against, in the same run: servers that do nothing else, and the way it is usually done.

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { type CircleOptions, type CircleResult, measureCircle } from '../limits/circle.ts'
import { type ClassicOptions, type ClassicResult, measureClassic } from '../limits/classic.ts'
import { type CopyComparison, type CopyOptions, compareWithCopy } from '../limits/copy.ts'
import { withDatabase } from '../limits/database.ts'
import { measureQueue, type QueueOptions, type QueueResult } from '../limits/queue.ts'
import { compareReads, type ReadsComparison, type ReadsOptions } from '../limits/reads.ts'
import { compareSyncWithCopy, type SyncComparison } from '../limits/sync.ts'
import { runSync, type SyncRunFigures } from '../limits/sync_run.ts'
import { withOpenFiles } from './k6.ts'

export type Limits = {
  /** A bare Bun.serve that answers every path with the bytes that the server at `url` answers there. */
  startMirror(url: string): Promise<Peer>
  /** One cached read of a running server, and servers that give the same answer and do nothing else. */
  cachedReads(options: ReadsOptions): Promise<ReadsComparison>
  /** Our bulk load and COPY of the same rows, in databases of their own. */
  bulkLoad(options: CopyOptions): Promise<CopyComparison>
  /** A first sync and COPY of the rows that it makes, in databases of their own. */
  syncLoad(options: { events: number; rounds: number }): Promise<SyncComparison>
  /** A first sync as an operator runs it, beside webhooks, killed and run again, in a database of its own. */
  syncRun(options: { events: number }): Promise<SyncRunFigures>
  /** One transaction a webhook, on 20 connections, in a database of its own. */
  classicTransactions(options: ClassicOptions): Promise<ClassicResult>
  /** Writes to Shopify worked off by so many workers, in a database of its own. */
  jobQueue(options: Omit<QueueOptions, 'shopifyUrl'>): Promise<QueueResult>
  /** Writes to Shopify until visitors see them, in a database of its own. */
  circle(options: CircleOptions): Promise<CircleResult>
  /** A bare Bun.serve that counts what it is sent: in memory, or in one row of a database of its own and answered after the commit. */
  withCounter<T>(options: { commits: boolean }, use: (url: string) => Promise<T>): Promise<T>
}

export type Peer = { url: string; pid: number; stop(): void }

/** `adminUrl`: a server on which databases may be made; without one, what needs it rejects. */
export function createLimits(adminUrl: string | null): Limits {
  return {
    startMirror: (url) => startPeer('mirror', [url]),
    cachedReads: compareReads,
    bulkLoad: async (options) => await compareWithCopy(ownServer(), options),
    syncLoad: async (options) => await compareSyncWithCopy(ownServer(), options),
    syncRun: async (options) => await runSync(ownServer(), options),
    classicTransactions: async (options) => await measureClassic(ownServer(), options),
    circle: async (options) => await measureCircle(ownServer(), options),
    jobQueue: async (options) =>
      await withPeer('admin', [], (shopifyUrl) => measureQueue(ownServer(), { ...options, shopifyUrl })),
    withCounter: async ({ commits }, use) =>
      commits
        ? await withDatabase(ownServer(), 'counter', (url) => withPeer('counter', [url], use))
        : await withPeer('counter', [], use),
  }

  function ownServer(): string {
    if (adminUrl === null) throw new Error('This limit needs a PostgreSQL of its own: leave --target out')
    return adminUrl
  }
}

async function withPeer<T>(
  name: string,
  args: readonly string[],
  use: (url: string) => Promise<T>,
): Promise<T> {
  const peer = await startPeer(name, args)
  try {
    return await use(peer.url)
  } finally {
    peer.stop()
  }
}

/** Starts a program of `limits/` that prints its port when it listens. */
export async function startPeer(name: string, args: readonly string[]): Promise<Peer> {
  const program = resolve(import.meta.dir, `../limits/${name}.ts`)
  const [command, words] = withOpenFiles(process.execPath, [program, ...args])
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (piece) => resolve(Number(String(piece).trim())))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it listened`)))
  })
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, stop: () => child.kill('SIGKILL') }
}
