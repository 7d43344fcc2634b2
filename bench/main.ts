#!/usr/bin/env bun
// The benchmark suite's command line: `bun run bench`. What the figures mean is in bench/README.md.

import { Command, Option } from 'commander'
import { Refusal } from '../src/platform/refusal.ts'
import { type BenchOptions, bench, compareRuns, listScenarios } from './bench.ts'
import type { ProfileName } from './result.ts'

const profiles: ProfileName[] = ['smoke', 'standard', 'full']

const program = new Command('bench')
  .description('Measures Onsale with k6 on this machine: starts its own, verifies, and writes a report')
  .argument('[scenarios...]', 'only these, by name (see --list); none: all that the profile has')
  .addOption(
    new Option(
      '--profile <name>',
      'how much: smoke proves that it runs, full wants a quiet machine and an hour',
    )
      .choices(profiles)
      .default('standard'),
  )
  .option('--target <url>', 'measure the server that runs there; what writes must then be named')
  .option('--out <folder>', 'where the report goes')
  .option('--readme', 'show this run in the README, where it is a complete standard one', false)
  .option('--list', 'tell the scenarios and end')
  .addHelpText(
    'after',
    `
Without --target it starts its own PostgreSQL, Redis and Onsale on free ports, with made-up events, in a folder of its own.
With --target DATABASE_URL names the database to verify, and SHOPIFY_WEBHOOK_SECRET signs the webhooks; both are known where
an up with this DATA_DIR is the target.
k6 is taken from PATH or built with Go, once.

Ends with 0 where everything held, 1 where the run is void or something failed, 2 where a threshold was crossed or a goal missed.`,
  )
  .action((names: string[], options: BenchOptions & { list?: boolean }) =>
    ends(() => (options.list ? listScenarios() : bench(names, options))),
  )

program
  .command('compare <a> <b>')
  .description('hold run B against run A: folders, or names under bench/results')
  .action((a: string, b: string) => ends(() => compareRuns(a, b)))

await program.parseAsync()

async function ends(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    const text =
      error instanceof Refusal ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`${text}\n`)
    process.exit(1)
  }
}
