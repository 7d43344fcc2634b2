import { syncPoolSize } from '../limits.ts'
import { openPool, type Sql } from '../platform/database.ts'

/** Connections that may write the tables of snapshots, for as long as one takes; the URL logs in as the owner. */
export function openOwnerPool(url: string, name: string): Sql {
  // A connection is reserved, which postgres.js (3.4.9) never hands out where it has not asked for the types.
  return openPool(url, { name, max: syncPoolSize, statementTimeoutMs: 0, fetchTypes: true })
}
