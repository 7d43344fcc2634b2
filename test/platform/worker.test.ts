import { expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { accessToken, apiUrlOf, endOf, startShop } from '../circle.ts'
import { type TestDatabase, testDatabase } from '../harness.ts'
import { runService } from '../service.ts'
import { writeEvent } from '../writes.ts'
import { main, runOnsale } from './spawn.ts'

test('without a database it says what to set', async () => {
  expect(await runOnsale(['worker'], {})).toEqual({
    code: 1,
    output: 'DATABASE_URL must be set for `worker`; `up` brings its own PostgreSQL\n',
  })
})

test('it does the jobs without serving, tells no token, and ends in order when it is told to', async () => {
  const database = await testDatabase()
  const service = await runService(database)
  const api = await startShop({ url: service.url, seed: 'worker' })
  try {
    const worker = startWorker(database, apiUrlOf(api))
    const tickets = [{ name: 'Lawn', price_cents: 2500, capacity: 100 }]
    const { job } = await writeEvent(database.admin, {
      event: { title: 'Open air', status: 'active', tickets },
    })
    expect(await endOf(database, job)).toMatchObject({ state: 'done', attempts: 1 })
    expect(api.shop.products.map(({ title }) => title)).toEqual(['Open air'])
    worker.kill('SIGTERM')
    expect(await worker.exited).toBe(0)
    const said = await new Response(worker.stdout).text()
    expect(said).toContain('"Working"')
    expect(said).toContain('"Job done"')
    expect(said).not.toContain(accessToken)
  } finally {
    await api.stop()
    await service.stop()
    await database.drop()
  }
})

function startWorker({ url }: TestDatabase, shopifyApiUrl: string) {
  return Bun.spawn([process.execPath, main, 'worker'], {
    cwd: tmpdir(),
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: url,
      SHOPIFY_API_URL: shopifyApiUrl,
      SHOPIFY_ACCESS_TOKEN: accessToken,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
}
