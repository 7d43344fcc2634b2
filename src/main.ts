#!/usr/bin/env bun
// Reads the command line and starts a role. What stops a command is told in one sentence, and it ends with 1.

import { Command, InvalidArgumentError } from 'commander'
import { version } from '../package.json'
import { migrateDatabase, print, runCommand, seedDatabase } from './commands.ts'
import { type Config, readConfig } from './config.ts'
import { isTransient } from './errors.ts'
import {
  discardDelivery,
  listDeliveries,
  replayDelivery,
  showDelivery,
  verifyMirror,
} from './intake/commands.ts'
import { Refusal } from './platform/refusal.ts'
import { serve } from './serve.ts'
import { up } from './up.ts'

const program = new Command('onsale')
  .description('An exact mirror of a Shopify shop that sells tickets, served in milliseconds')
  .version(version)
  .addHelpText('after', '\nEvery setting is an environment variable: see .env.example')

program
  .command('up')
  .description('start everything on this machine: PostgreSQL and Redis where none are set, schema, demo shop')
  .option('--no-demo', 'load no demo shop')
  .action(({ demo }: { demo: boolean }) => stays(() => up(process.env, { demo, print, fail })))

program
  .command('serve')
  .description('serve HTTP on the database of DATABASE_URL; several may share one port')
  .action(() => stays(() => serve(readConfig(process.env))))

program
  .command('migrate')
  .description('bring the database to this code: migrations, functions, grants')
  .action(() => ends(migrateDatabase))

program
  .command('verify')
  .description('hold every counter against the facts; ends with 1 where they differ')
  .option('--repair', 'set every counter from the facts first', false)
  .action(({ repair }: { repair: boolean }) =>
    ends((config) => runCommand(config, (deps) => verifyMirror(deps, { repair }))),
  )

program
  .command('seed')
  .description('fill the mirror with made-up events, to see how it behaves when it is large')
  .requiredOption('--events <count>', 'how many there shall be', toCount)
  .option('--force', 'also in production, and beside events of real shops', false)
  .action(({ events, force }: { events: number; force: boolean }) =>
    ends((config) => seedDatabase(config, { events, isForced: force })),
  )

const deliveries = program.command('deliveries').description('look after webhooks that could not be applied')
deliveries
  .command('list')
  .description('what failed, oldest first')
  .option('--limit <count>', 'at most so many', toCount, 100)
  .action(({ limit }: { limit: number }) =>
    ends((config) => runCommand(config, (deps) => listDeliveries(deps, { limit }))),
  )
deliveries
  .command('show <id>')
  .description('one delivery with its reason and its bytes')
  .action((id: string) => ends((config) => runCommand(config, (deps) => showDelivery(deps, { id }))))
deliveries
  .command('replay <id>')
  .description('apply it again')
  .option('--dry-run', 'show what would change, and change nothing', false)
  .action((id: string, { dryRun }: { dryRun: boolean }) =>
    ends((config) => runCommand(config, (deps) => replayDelivery(deps, { id, dryRun }))),
  )
deliveries
  .command('discard <id>')
  .description('give it up for good')
  .action((id: string) => ends((config) => runCommand(config, (deps) => discardDelivery(deps, { id }))))

await program.parseAsync()

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
  const text = isKnown || !(error instanceof Error) ? String(isKnown ? error.message : error) : error.stack
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

function toCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be a whole number above 0.')
  return Number(value)
}
