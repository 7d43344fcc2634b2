// How fast the queue of writes to Shopify is worked off, by workers as `bun run worker` starts them, against a Shopify that answers at once:
// claimed, asked for over HTTP, completed, and confirmed as soon as the mirror shows it, which here it does.

import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { seed } from '../../src/catalog/seed.ts'
import { openPool, type Sql } from '../../src/platform/database.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { withDatabase } from './database.ts'

const main = resolve(import.meta.dir, '../../src/main.ts')

export type QueueOptions = {
  jobs: number
  /** Events that the jobs are spread over: those of one go one after the other. */
  events: number
  workers: number
  /** A Shopify that takes no time. */
  shopifyUrl: string
}

/** From the first claim to the last completion. */
export type QueueResult = { perSecond: number; seconds: number; attempts: number }

/** Works off so many jobs, in a database of its own on the server of `adminUrl`. Throws where one is not done. */
export async function measureQueue(adminUrl: string, options: QueueOptions): Promise<QueueResult> {
  return await withDatabase(adminUrl, 'queue', async (url) => {
    await migrate(url)
    await seed({
      adminUrl: url,
      events: options.events,
      isForced: false,
      isProduction: false,
      print: () => {},
    })
    const sql = openPool(url, { name: 'queue', max: 1, statementTimeoutMs: 0 })
    const workers = await Promise.all(
      Array.from({ length: options.workers }, () => startWorker(url, options)),
    )
    try {
      await queue(sql, options)
      return await workedOff(sql)
    } finally {
      for (const worker of workers) worker.kill('SIGKILL')
      await sql.end({ timeout: 1 })
    }
  })
}

/** A worker that is looking for jobs. */
async function startWorker(
  databaseUrl: string,
  { shopifyUrl }: Pick<QueueOptions, 'shopifyUrl'>,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, 'worker'], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      SHOPIFY_API_URL: `${shopifyUrl}/admin/api/2026-10/graphql.json`,
      SHOPIFY_ACCESS_TOKEN: 'bench',
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (piece) => String(piece).includes('"Working"') && resolve())
    child.once('exit', (code) => reject(new Error(`A worker ended with ${code} before it worked`)))
  })
  return child
}

async function queue(sql: Sql, { jobs, events }: QueueOptions): Promise<void> {
  await sql`
    insert into onsale.jobs (
      kind, subject, event_id, request, next_attempt_at, created_by, created_at, updated_at
    )
    select
      'update_event', 'event ' || e.id, e.id,
      jsonb_build_object(
        'shopify_product_id', e.shopify_product_id::text, 'changes', jsonb_build_object('title', 'Title ' || n)
      ),
      now(), 'bench', now(), now()
    from generate_series(1, ${jobs}::integer) n
    join (
      select id, shopify_product_id, row_number() over (order by id) as nth from onsale.events
    ) e on e.nth = 1 + n % ${events}::integer`
}

async function workedOff(sql: Sql): Promise<QueueResult> {
  for (;;) {
    const [row] = await sql<{ open: number; jobs: number; attempts: number; seconds: number }[]>`
      select
        count(*) filter (where state <> 'done')::integer as open, count(*)::integer as jobs,
        sum(attempts)::integer as attempts,
        extract(epoch from max(updated_at) - min(created_at))::float8 as seconds
      from onsale.jobs`
    const { open, jobs, attempts, seconds } = row!
    if (open === 0) return { perSecond: jobs / seconds, seconds, attempts }
    const [lost] = await sql<{ errors: unknown }[]>`
      select errors from onsale.jobs where state in ('failed', 'dead') limit 1`
    if (lost !== undefined) throw new Error(`A job was not done: ${JSON.stringify(lost.errors)}`)
    await Bun.sleep(100)
  }
}
