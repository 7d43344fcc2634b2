#!/usr/bin/env bun
// Reads the command line and starts a role. What stops a command is told in one sentence, and it ends with 1.

import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { version } from '../package.json'
import { type Config, readConfig, withDatabase } from './config.ts'
import { isTransient } from './errors.ts'
import { processesMax, reconcileGraceS, repairsMaxDefault } from './limits.ts'
import { Refusal } from './platform/refusal.ts'

// What a role needs is loaded when it is started: `serve` serves earlier without the others.
const loadCommands = async () => ({
  ...(await import('./commands.ts')),
  ...(await import('./intake/commands.ts')),
  ...(await import('./jobs/commands.ts')),
  ...(await import('./accounts/commands.ts')),
  ...(await import('./shopify/commands.ts')),
  ...(await import('./shopify/shopify.ts')),
})

const program = new Command('onsale')
  .description('An exact mirror of a Shopify shop that sells tickets, served in milliseconds')
  .version(version)
  .addHelpText('after', '\nEvery setting is an environment variable: see .env.example')

program
  .command('up')
  .description('start everything on this machine: PostgreSQL and Redis where none are set, schema, demo shop')
  .option('--no-demo', 'load no demo shop')
  .action(({ demo }: { demo: boolean }) =>
    stays(async () => {
      const { print } = await loadCommands()
      const { up } = await import('./up.ts')
      await up(process.env, { demo, print, fail })
    }),
  )

program
  .command('serve')
  .description('serve HTTP on the database of DATABASE_URL; several may share one port')
  .option('--processes <count>', 'how many, kept running by one more; `auto`: one a core', toProcesses, 1)
  .addOption(new Option('--supervised', 'set by the process that keeps this one running').hideHelp())
  .action((options: { processes: number; supervised?: true }) => stays(() => serve(options)))

program
  .command('worker')
  .description("do the jobs alone: refunds, and admins' writes to Shopify; `serve` does them, too")
  .action(() =>
    stays(async () => {
      const { work } = await import('./work.ts')
      await work(withDatabase(readConfig(process.env), 'worker'))
    }),
  )

program
  .command('migrate')
  .description('bring the database to this code: migrations, functions, grants')
  .action(() => ends(async (config) => (await loadCommands()).migrateDatabase(config)))

program
  .command('verify')
  .description('hold every counter against the facts; ends with 1 where they differ')
  .option('--repair', 'set every counter from the facts first', false)
  .action(({ repair }: { repair: boolean }) =>
    ends(async (config) => {
      const { runCommand, verifyMirror } = await loadCommands()
      return await runCommand(config, (deps) => verifyMirror(deps, { repair }))
    }),
  )

program
  .command('seed')
  .description('fill the mirror with made-up events, to see how it behaves when it is large')
  .requiredOption('--events <count>', 'how many there shall be', toCount)
  .option('--force', 'also in production, and beside events of real shops', false)
  .action(({ events, force }: { events: number; force: boolean }) =>
    ends(async (config) => (await loadCommands()).seedDatabase(config, { events, isForced: force })),
  )

program
  .command('sync')
  .description('read the whole shop into the mirror; one that was stopped goes on')
  .option(
    '--orders-days <days>',
    'orders of so many days; above 60 only with the scope read_all_orders',
    toCount,
    60,
  )
  .option(
    '--sold-before <file>',
    'what was sold before those orders: lines of `variant id,units`, or JSON; it is added to what is sold',
  )
  .action(({ ordersDays, soldBefore = null }: { ordersDays: number; soldBefore?: string | null }) =>
    ends(async (config) => {
      const { runCommand, syncMirror } = await loadCommands()
      const stopping = new AbortController()
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
      const { signal } = stopping
      return await runCommand(config, (deps, databases) =>
        syncMirror(deps, databases, { config, ordersDays, soldBeforeFile: soldBefore, signal }),
      )
    }),
  )

program
  .command('reconcile')
  .description('hold the mirror against the whole shop, and repair what its webhooks will not')
  .option('--dry-run', 'tell what differs and why, and repair nothing', false)
  .option('--limit <count>', 'at most so many repairs', toCount, repairsMaxDefault)
  .option(
    '--grace <seconds>',
    'what changed so shortly ago may still be told by its webhook',
    toCount,
    reconcileGraceS,
  )
  .action(({ dryRun, limit, grace }: { dryRun: boolean; limit: number; grace: number }) =>
    ends(async (config) => {
      const { runCommand } = await loadCommands()
      const { reconcileMirror } = await import('./watch/commands.ts')
      const stopping = new AbortController()
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
      const options = { config, isDryRun: dryRun, repairsMax: limit, graceS: grace, signal: stopping.signal }
      return await runCommand(config, (deps, databases) => reconcileMirror(deps, databases, options))
    }),
  )

const deliveries = program.command('deliveries').description('look after webhooks that could not be applied')
deliveries
  .command('list')
  .description('what failed, oldest first')
  .option('--limit <count>', 'at most so many', toCount, 100)
  .action(({ limit }: { limit: number }) =>
    ends(async (config) => {
      const { runCommand, listDeliveries } = await loadCommands()
      return await runCommand(config, (deps) => listDeliveries(deps, { limit }))
    }),
  )
deliveries
  .command('show <id>')
  .description('one delivery with its reason and its bytes')
  .action((id: string) =>
    ends(async (config) => {
      const { runCommand, showDelivery } = await loadCommands()
      return await runCommand(config, (deps) => showDelivery(deps, { id }))
    }),
  )
deliveries
  .command('replay <id>')
  .description('apply it again')
  .option('--dry-run', 'show what would change, and change nothing', false)
  .action((id: string, { dryRun }: { dryRun: boolean }) =>
    ends(async (config) => {
      const { runCommand, replayDelivery } = await loadCommands()
      const { openProviders } = await import('./payments/providers.ts')
      const { providers } = await openProviders(config)
      return await runCommand(config, (deps) => replayDelivery(deps, { id, dryRun, providers }))
    }),
  )
deliveries
  .command('discard <id>')
  .description('give it up for good')
  .action((id: string) =>
    ends(async (config) => {
      const { runCommand, discardDelivery } = await loadCommands()
      return await runCommand(config, (deps) => discardDelivery(deps, { id }))
    }),
  )

const jobs = program.command('jobs').description('look after calls that are owed: writes to Shopify, refunds')
jobs
  .command('list')
  .description('newest first; by default those that wait for a person')
  .option('--state <state>', 'those in this state, or `any`', 'dead')
  .option('--limit <count>', 'at most so many', toCount, 100)
  .action((options: { state: string; limit: number }) =>
    ends(async (config) => {
      const { runCommand, listJobs } = await loadCommands()
      return await runCommand(config, (deps) => listJobs(deps, options))
    }),
  )
for (const [name, description] of [
  ['show', 'one job with what came of it'],
  ['retry', 'have one that waits, was refused or was given up tried again at once'],
  ['discard', 'have one that is not done never tried again'],
] as const) {
  jobs
    .command(name)
    .description(description)
    .argument('<id>', 'its number', toCount)
    .action((id: number) =>
      ends(async (config) => {
        const { runCommand, showJob, retryJob, discardJob } = await loadCommands()
        const work = { show: showJob, retry: retryJob, discard: discardJob }[name]
        return await runCommand(config, (deps) => work(deps, { id }))
      }),
    )
}

const webhooks = program.command('webhooks').description('look after what the shop sends us')
for (const [name, description] of [
  ['register', 'make and mend the subscriptions, and have them watched from then on'],
  ['list', 'what is subscribed to, by us and by others'],
  ['check', 'tell what is missing or wrong; ends with 1 where something is'],
  ['remove', 'end our subscriptions'],
] as const) {
  webhooks
    .command(name)
    .description(description)
    .option(
      '--url <address>',
      'where webhooks are to come; default: as before, or PUBLIC_URL/webhooks/shopify',
    )
    .action(({ url = null }: { url?: string | null }) =>
      ends(async (config) => {
        const { runCommand, requireShopify } = await loadCommands()
        const { registerWebhooks, listWebhooks, checkWebhooks, removeWebhooks } = await import(
          './watch/commands.ts'
        )
        const run = {
          register: registerWebhooks,
          list: listWebhooks,
          check: checkWebhooks,
          remove: removeWebhooks,
        }[name]
        const { publicUrl } = config
        return await runCommand(config, (deps) =>
          run(deps, { ...requireShopify(config, deps), url, publicUrl }),
        )
      }),
    )
}

const admin = program.command('admin').description('look after those who may do everything')
admin
  .command('create')
  .description('make a user with the role ADMIN; prints his id')
  .requiredOption('--email <address>', 'what he logs in with')
  .addHelpText(
    'after',
    '\nThe password is read from the standard input, or from ONSALE_ADMIN_PASSWORD where that is set',
  )
  .action(({ email }: { email: string }) =>
    ends(async (config) => {
      const { runCommand, createAdmin, passwordGiven } = await loadCommands()
      const isTerminal = process.stdin.isTTY === true
      const password = await passwordGiven(process.env.ONSALE_ADMIN_PASSWORD, { isTerminal })
      return await runCommand(config, (deps) => createAdmin(deps, { email, password }))
    }),
  )

await program.parseAsync()

/** One process that serves, or a supervisor and those it starts as this program was started itself. */
async function serve({ processes, supervised }: { processes: number; supervised?: true }): Promise<void> {
  const config = readConfig(process.env)
  if (supervised) {
    const { serveSupervised } = await import('./supervised.ts')
    return await serveSupervised(config, { processes })
  }
  if (processes === 1) {
    const { serve } = await import('./serve.ts')
    return await serve(config)
  }
  const { supervise } = await import('./supervisor.ts')
  const role = ['serve', '--supervised', '--processes', String(processes)]
  const command = [process.execPath, ...process.execArgv, Bun.main, ...role]
  await supervise(config, { processes, command, env: process.env })
}

/** A role that runs until a signal. */
async function stays(role: () => Promise<void>): Promise<void> {
  // A promise of a library that nobody awaits must not end a process that serves: a lost connection is its pool's
  // affair, and whoever waited for it was told.
  process.on('unhandledRejection', (error) => {
    if (!isTransient(error)) fail(error)
    process.stderr.write(`A connection was lost where nobody waited for it: ${String(error)}\n`)
  })
  try {
    await role()
  } catch (error) {
    fail(error)
  }
}

/** A command that ends with an exit code. */
async function ends(command: (config: Config) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command(readConfig(process.env))
  } catch (error) {
    fail(error)
  }
}

function fail(error: unknown): never {
  const isKnown = error instanceof Refusal
  const text =
    isKnown || !(error instanceof Error)
      ? String(isKnown ? error.message : error)
      : (error.stack ?? String(error))
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

function toCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be a whole number above 0.')
  return Number(value)
}

function toProcesses(value: string): number {
  if (value === 'auto') return Math.min(availableParallelism(), processesMax)
  const count = /^\d{1,3}$/.test(value) ? Number(value) : 0
  if (count >= 1 && count <= processesMax) return count
  throw new InvalidArgumentError(`It must be \`auto\` or a whole number from 1 to ${processesMax}.`)
}
