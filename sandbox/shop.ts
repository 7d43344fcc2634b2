import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { startAdminApi } from './admin_api.ts'
import { FAULT_FLAGS, type Faults } from './admin_faults.ts'
import { type Comparison, compare, type Difference, visit } from './compare.ts'
import { type DeliveryReport, deliver } from './deliver.ts'
import { createDemo } from './demo.ts'
import { createShop } from './life.ts'
import { startProgress } from './progress.ts'
import { expectReachable, readSecret, readValue, targetOf, UsageError } from './target.ts'
import { World } from './world.ts'

interface Flags {
  url: string
  deliveries: number
  events: number
  duplicates: number
  shuffle: boolean | number
  concurrency: number
  rate?: number
  delay?: readonly [number, number]
  lag: number
  pace: number
  visitors: number
  seed: string
  shopDomain: string
  currency: string
  ignoreTestOrders: boolean
  allowRemote: boolean
  serve: boolean
  port: number
  lived: number
  demo: boolean
  locations: number
  attached: boolean
}

const program = new Command('bun run shop')
  .exitOverride()
  .description(
    'A fake Shopify shop: lives through some minutes of sales, tells Onsale about them by signed webhooks, and compares ' +
      'what Onsale then serves with what it knows to be true, ticket by ticket. Prints `exact`, or the differences.',
  )
  .option('--url <address>', 'where Onsale listens', 'http://127.0.0.1:3000')
  .option('--deliveries <count>', 'webhooks to send, duplicates not counted', wholeNumber(1), 5000)
  .option(
    '--events <count>',
    'events on sale at the beginning; one has more than 100 kinds of tickets',
    wholeNumber(1),
    14,
  )
  .option('--duplicates <share>', 'webhooks sent twice: 20% or 0.2', share, 0)
  .option('--shuffle [places]', 'send in any order, or each at most so many places off', wholeNumber(1))
  .option('--concurrency <count>', 'requests under way at once, at most 256', wholeNumber(1, 256), 64)
  .option(
    '--rate <per second>',
    'start so many requests a second whatever is answered; default: as fast as answered',
    positive,
  )
  .option('--delay <ms>', 'hold each back by so many milliseconds: 200 or 0-500', range)
  .option(
    '--lag <ms>',
    'bodies are assembled up to so late, and then show newer numbers',
    wholeNumber(0),
    3000,
  )
  .option('--pace <ms>', "mean time between two changes in the shop's own time", positive, 250)
  .option(
    '--visitors <per second>',
    'pages read meanwhile, so that caches have something to get wrong',
    wholeNumber(0),
    20,
  )
  .option('--seed <text>', 'tells the same life again, byte by byte; default: a new one each time')
  .option('--shop-domain <domain>', 'X-Shopify-Shop-Domain', 'demo.myshopify.com')
  .option('--currency <code>', "the shop's currency, as Onsale's SHOPIFY_CURRENCY", 'EUR')
  .option('--ignore-test-orders', 'expect what SHOPIFY_TEST_ORDERS=ignore serves', false)
  .option('--allow-remote', 'deliver to another machine', false)
  .optionsGroup('With --serve:')
  .option('--serve', "be the shop's Admin API until it is stopped, instead of living and comparing", false)
  .option(
    '--port <port>',
    'where the Admin API listens on 127.0.0.1; 0: a free one',
    wholeNumber(0, 65535),
    3001,
  )
  .option(
    '--lived <deliveries>',
    'start as a shop that has lived so long, which nobody was told of; 0: an empty one',
    wholeNumber(0),
    0,
  )
  .option('--demo', 'start as the demo shop of today, as `up` loads it', false)
  .option('--locations <count>', 'where it stocks tickets', wholeNumber(1, 6), 2)
  .option('--attached', 'end when the standard input does', false)
  .addHelpText(
    'after',
    `
The secret is read from SHOPIFY_WEBHOOK_SECRET, else from DATA_DIR/env, where \`bun run up\` keeps it.
What is not answered 200 is repeated for up to two minutes, so Onsale may be killed and started again meanwhile.
It may be run again on the same database: every seed is a shop of its own, with its own ids; the same seed again is
duplicates throughout, and exact too. A run that was cut short is finished by running its seed again.

Exit codes: 0 exact, 1 differences or lost webhooks, 2 could not start.

With --serve it answers POST /admin/api/2026-10/graphql.json to whoever knows SHOPIFY_ACCESS_TOKEN (of the environment or
DATA_DIR/env, else made and printed), and sends the webhooks of every change to those who subscribed, and to --url where
that is given. POST /control changes what goes wrong, GET /control/truth tells what the shop has: see sandbox/README.md.

Examples:
  bun run shop --serve --url http://127.0.0.1:3000 --duplicates 20% --throttled-share 10%
  bun run shop --duplicates 20% --shuffle
  bun run shop --deliveries 20000 --rate 1000 --delay 0-2000 --concurrency 256
`,
  )
  .action(async (flags: Flags) => {
    process.exitCode = flags.serve ? await serve(flags) : await run(flags)
  })

for (const [name, what] of Object.entries(FAULT_FLAGS)) {
  const flag = `--${name.replaceAll('_', '-')}`
  if (name === 'bulk_fails') program.option(flag, what, false)
  else if (name === 'keys_demanded') program.option('--no-keys-demanded', what)
  else if (name === 'slow_ms') program.option(`${flag} <ms>`, what, range)
  else if (name.endsWith('_share')) program.option(`${flag} <share>`, what, share)
  else program.option(`${flag} <number>`, what, amount)
}

await program.parseAsync().catch((error: unknown) => {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n`)
  else if (!(error instanceof CommanderError)) throw error
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2
})

async function run(flags: Flags): Promise<number> {
  const url = targetOf(flags.url, { allow_remote: flags.allowRemote })
  const secret = await readSecret(process.env)
  await expectReachable(url)

  const seed = flags.seed ?? freshSeed(flags)
  const shop = createShop({
    seed,
    events: flags.events,
    domain: flags.shopDomain,
    currency: flags.currency,
    exponent: exponentOf(flags.currency),
    lag_ms_max: flags.lag,
    pace_ms: flags.pace,
  })
  const living = startProgress('Living', flags.deliveries)
  shop.live(flags.deliveries, (left) => left % 500 === 0 && living.update(left))
  living.stop()
  const truth = shop.truth({ test_orders: flags.ignoreTestOrders ? 'ignore' : 'count' })
  say(
    `Shop ${flags.shopDomain}, seed ${seed}: ${truth.events.length} events, ${shop.world.orders.length} orders, ` +
      `${shop.deliveries.length} webhooks`,
  )

  const stop = new AbortController()
  const visits =
    flags.visitors > 0 ? visit(() => truth, { url, per_second: flags.visitors, signal: stop.signal }) : null
  const delivering = startProgress('Delivering', shop.deliveries.length)
  const report = await deliver(shop.deliveries, {
    url,
    secret,
    seed,
    duplicates: flags.duplicates,
    shuffle: flags.shuffle ?? false,
    rate: flags.rate ?? null,
    concurrency: flags.concurrency,
    ...(flags.delay ? { delay_ms: flags.delay } : {}),
    onProgress: (answered, requests) => delivering.update(answered, requests),
  })
  delivering.stop()
  stop.abort()
  tellDelivery(report, visits ? await visits : 0)
  if (report.refused_count > 0) return 1

  const comparing = startProgress('Comparing', truth.events.length)
  const comparison = await compare(truth, {
    url,
    onProgress: (compared, events) => comparing.update(compared, events),
  })
  comparing.stop()
  return tellComparison(comparison, report)
}

/** Serves until it is told to stop. */
async function serve(flags: Flags): Promise<number> {
  const isTold = program.getOptionValueSource('url') !== 'default'
  const url = isTold ? targetOf(flags.url, { allow_remote: flags.allowRemote }) : null
  const secret = await readSecret(process.env)
  const token =
    (await readValue(process.env, 'SHOPIFY_ACCESS_TOKEN')) ??
    `shpat_${crypto.randomUUID().replaceAll('-', '')}`
  const api = await startAdminApi({
    world: worldOf(flags),
    token,
    secret,
    url,
    port: flags.port,
    faults: faultsOf(flags),
    allow_remote: flags.allowRemote,
    ...(flags.seed ? { seed: flags.seed } : {}),
  })
  say(`Admin API of ${flags.shopDomain} at ${api.url}/admin/api/2026-10/graphql.json`)
  say(`X-Shopify-Access-Token: ${token}`)
  say(url ? `Webhooks go to ${url}, and to whoever subscribes` : 'Webhooks go to whoever subscribes')
  await new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
    if (flags.attached) process.stdin.once('end', resolve).resume()
  })
  await api.stop()
  return 0
}

function worldOf(flags: Flags): World {
  const seed = flags.seed ?? freshSeed({ ...flags, deliveries: flags.lived })
  if (flags.demo) return demoWorld(flags, seed)
  const options = {
    seed,
    domain: flags.shopDomain,
    currency: flags.currency,
    exponent: exponentOf(flags.currency),
    lag_ms_max: flags.lag,
    locations: flags.locations,
    by_namespace: true,
  }
  if (flags.lived === 0) return new World({ ...options, start_at: new Date() })
  const shop = createShop({ ...options, events: flags.events, pace_ms: flags.pace })
  shop.live(flags.lived)
  return shop.world
}

/** What is made in it has ids of this run: those of an earlier one may still be known to Onsale. */
function demoWorld({ shopDomain }: Flags, seed: string): World {
  const { world } = createDemo({ today: new Date(), domain: shopDomain })
  world.renewIds(seed)
  return world
}

function faultsOf(flags: Flags): Partial<Faults> {
  const given = flags as unknown as Record<string, unknown>
  const named = Object.keys(FAULT_FLAGS).flatMap((name) => {
    const value = given[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())]
    return value === undefined ? [] : [[name, value]]
  })
  return {
    ...(Object.fromEntries(named) as Partial<Faults>),
    duplicates: flags.duplicates,
    shuffle: Boolean(flags.shuffle),
    ...(flags.delay ? { delay_ms: flags.delay } : {}),
  }
}

function tellDelivery(report: DeliveryReport, visits: number): void {
  const { p50, p95, p99, max } = report.latency_ms
  const ms = (value: number) => `${value.toFixed(1)} ms`
  say(
    `Delivered ${report.answered} of ${report.requests} requests in ${report.seconds.toFixed(1)} s, ` +
      `${Math.round(report.answered / report.seconds)} a second: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}`,
  )
  say(`Outcomes: ${tally(report.outcomes)}`)
  if (report.repeats > 0) say(`Repeated ${report.repeats} times; answers: ${tally(report.statuses)}`)
  if (visits > 0) say(`Read ${visits} pages meanwhile`)
  if (report.refused_count > 0) {
    say(`${report.refused_count} requests were refused for good, so there is nothing to compare:`)
    for (const { topic, status, answer } of report.refused) say(`  ${topic}: HTTP ${status} ${answer}`)
  }
  if (report.lost_count > 0) say(`${report.lost_count} requests were never answered 200`)
}

function tellComparison(comparison: Comparison, report: DeliveryReport): number {
  const { differences, late } = comparison
  say(
    `Compared ${comparison.events} events and ${comparison.tickets} tickets in ${comparison.requests} reads; ` +
      `${comparison.listed} events stand in the lists`,
  )
  if (late.length > 0) {
    say(`${late.length} values were right only at the second look, later than promised:`)
    tellDifferences(late)
  }
  if (differences.length > 0) {
    say(`${differences.length} differences:`)
    tellDifferences(differences)
    return 1
  }
  if (report.lost_count > 0) return 1
  say('exact')
  return 0
}

function tellDifferences(differences: readonly Difference[]): void {
  const shown = 40
  for (const { where, what, expected, got } of differences.slice(0, shown)) {
    say(`  ${where}: ${what} is ${JSON.stringify(got)}, should be ${JSON.stringify(expected)}`)
  }
  if (differences.length > shown) say(`  and ${differences.length - shown} more`)
}

/** Begins with the time at which the shop's life begins, so that it ends about now; see `startOf` in life.ts */
function freshSeed({ deliveries, pace }: Flags): string {
  // A change sends about six webhooks; a quarter of the count is on the safe side of the future
  const start = new Date(Date.now() - (deliveries / 4) * pace - 60_000)
  const digits = start.toISOString().replace(/[-:]|\.\d+/g, '')
  return `${digits}-${crypto.randomUUID().slice(0, 4)}`
}

function exponentOf(currency: string): number {
  return (
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  )
}

function tally(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).sort((a, b) => b[1] - a[1])
  return words.map(([word, count]) => `${word} ${count}`).join(', ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `A whole number from ${min} on is wanted`
          : `A whole number from ${min} to ${max} is wanted`,
      )
    }
    return value
  }
}

function amount(text: string): number {
  const value = Number(text)
  if (text === '' || !(value >= 0) || value === Number.POSITIVE_INFINITY)
    throw new InvalidArgumentError('A number from 0 on is wanted')
  return value
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0) || value === Number.POSITIVE_INFINITY)
    throw new InvalidArgumentError('A number above 0 is wanted')
  return value
}

function share(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text === '' || text === '%' || !(value >= 0 && value <= 10)) {
    throw new InvalidArgumentError('A share is wanted, like 20% or 0.2')
  }
  return value
}

function range(text: string): readonly [number, number] {
  const [, low, high] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  const from = Number(low)
  const to = Number(high ?? low)
  if (low === undefined || to < from)
    throw new InvalidArgumentError('Milliseconds are wanted, like 200 or 0-500')
  return [from, to]
}
