import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a sandbox command cannot go on without; the message is for the person who typed it */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Refuses targets off this machine unless told otherwise: a fake shop must not reach a real one by a slip. */
export function targetOf(url: string, { allow_remote }: { allow_remote: boolean }): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError(`Cannot deliver to "${url}"; --url wants an address like http://127.0.0.1:3000`)
  }
  if (!allow_remote && !LOCAL.has(parsed.hostname)) {
    throw new UsageError(
      `Cannot deliver to ${parsed.hostname}: the fake shop talks to this machine only, unless --allow-remote is given`,
    )
  }
  return parsed.origin
}

/** Names of this machine */
export const LOCAL: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** A value of the environment, else of what `up` wrote to DATA_DIR/env; null where neither has it. */
export async function readValue(
  env: Record<string, string | undefined>,
  name: string,
): Promise<string | null> {
  const text = await readFile(keptIn(env), 'utf8').catch(() => '')
  const kept = new RegExp(`^${name}=(.*)$`, 'm')
    .exec(text)?.[1]
    ?.trim()
    .replace(/^(['"])(.*)\1$/, '$2')
  return env[name] || kept || null
}

/** The secret that Onsale checks signatures with: the first of those that `readValue` finds under the name. */
export async function readSecret(
  env: Record<string, string | undefined>,
  name = 'SHOPIFY_WEBHOOK_SECRET',
): Promise<string> {
  const secret = (await readValue(env, name))?.split(',')[0]?.trim()
  if (!secret) {
    throw new UsageError(
      `No secret to sign with; set ${name}, or run this where ${keptIn(env)} is (DATA_DIR tells where)`,
    )
  }
  return secret
}

function keptIn(env: Record<string, string | undefined>): string {
  return join(env.DATA_DIR || '.data', 'env')
}

/** Fails with one sentence unless Onsale answers there. */
export async function expectReachable(url: string): Promise<void> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) }).catch(
    (error: Error) => {
      throw new UsageError(
        `Nobody answers at ${url} (${error.message}); start Onsale with \`bun run up\` or name it by --url`,
      )
    },
  )
  const text = await response.text()
  if (!text.includes('"status"'))
    throw new UsageError(`What answers at ${url}/health is not Onsale: HTTP ${response.status}`)
}
