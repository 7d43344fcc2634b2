// A database of a limit's own, on the server of the run.

import { randomBytes } from 'node:crypto'
import { openPool } from '../../src/platform/database.ts'

/** Makes an empty database on the server of `adminUrl` (a superuser's), does something with it, and drops it. */
export async function withDatabase<T>(
  adminUrl: string,
  label: string,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const name = `onsale_${label}_${process.pid}_${randomBytes(4).toString('hex')}`
  const admin = openPool(adminUrl, { name: label, max: 1, statementTimeoutMs: 0 })
  try {
    await admin.unsafe(`create database ${name} template template0`)
    return await use(urlOf(adminUrl, name))
  } finally {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.end({ timeout: 1 })
  }
}

/** The URL of another database of the same server. */
export function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.href
}
