import type postgres from 'postgres'
import type { Sql } from '../../src/platform/database.ts'
import type { TestDatabase } from '../harness.ts'

/** A connection of its own, so that a test can hold its locks and see what it waits for. */
export type TestSession = {
  sql: postgres.ReservedSql
  pid: number
  /** Ends its transaction, if it has one, and gives the connection back. */
  close(): Promise<void>
}

/** Opens sessions, runs the work, and closes them however it ends. */
export async function withSessions<T>(
  { admin }: TestDatabase,
  count: number,
  work: (...sessions: TestSession[]) => Promise<T>,
): Promise<T> {
  const sessions: TestSession[] = []
  try {
    for (let nth = 0; nth < count; nth++) sessions.push(await openSession(admin))
    return await work(...sessions)
  } finally {
    await Promise.all(sessions.map((session) => session.close()))
  }
}

async function openSession(admin: Sql): Promise<TestSession> {
  const sql = await admin.reserve()
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  return {
    sql,
    pid: row!.pid,
    async close() {
      await sql`rollback`
      sql.release()
    },
  }
}

/** Waits until the session waits for a lock, and tells whose. Fails where it does not come to that. */
export async function blockersOf({ admin }: TestDatabase, { pid }: TestSession): Promise<number[]> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await Bun.sleep(2)) {
    const [row] = await admin<{ pids: number[] }[]>`select pg_blocking_pids(${pid}) as pids`
    if (row!.pids.length > 0) return row!.pids
  }
  throw new Error('The session waits for nobody')
}
