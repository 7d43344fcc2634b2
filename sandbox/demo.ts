import { Command, CommanderError } from 'commander'
import { compare } from './compare.ts'
import { deliver } from './deliver.ts'
import { createPlaybill } from './playbill.ts'
import { startProgress } from './progress.ts'
import { createRandom, type Random } from './random.ts'
import type { Variant } from './records.ts'
import { expectReachable, readSecret, targetOf, UsageError } from './target.ts'
import { type Delivery, World } from './world.ts'

/**
 * The demo shop on a given day: about 200 events in the coming months, with what has been sold of them. The same day tells
 * it byte by byte again; another day tells the same events, moved so that they lie ahead again, as news.
 */
export function createDemo({
  today,
  events = 200,
  domain,
}: {
  today: Date
  events?: number
  domain?: string
}) {
  const midnight = new Date(`${today.toISOString().slice(0, 10)}T00:00:00Z`)
  const random = createRandom('demo')
  const world = new World({
    seed: 'demo',
    delivery_seed: `demo ${midnight.toISOString()}`,
    start_at: new Date(midnight.getTime() - SOLD_DAYS * 86_400_000),
    ...(domain ? { domain } : {}),
    locations: 1,
    lag_ms_max: 0,
    big_id_share: 0,
  })
  const nextEvent = createPlaybill(random.fork('playbill'), { from: midnight, days: 180 })
  for (let n = 0; n < events; n++) {
    world.advance(1_000_000)
    world.addProduct(nextEvent(), { untracked: random.chance(0.02), oversell: random.chance(0.03) })
  }
  sell(world, random)
  world.settle()
  return { deliveries: latest(world.deliveries), truth: world.truth(), world }
}

/** Tickets have been selling for so long */
const SOLD_DAYS = 30

/** Sells some of every event: a tenth are sold out, some more nearly, most somewhere between empty and full */
function sell(world: World, random: Random): void {
  const sales = world.products.flatMap((product) => {
    const filled = random.weighted([
      [10, 1],
      [14, 0.93 + random.next() * 0.065],
      [66, 0.03 + random.next() * 0.8],
      [10, 0],
    ])
    return product.variants.flatMap((variant) => salesOf(world, random, variant, filled))
  })
  const pause_us = ((SOLD_DAYS - 1) * 86_400_000_000) / Math.max(1, sales.length)
  for (const sale of random.shuffle(sales)) {
    world.advance(Math.floor(pause_us * 2 * random.next() * 0.98) + 1000)
    world.placeOrder([sale], { source_name: sale.units > 8 ? 'shopify_draft_order' : 'web' })
  }
}

/** A handful of orders per ticket that add up to its share: buyers take a few, resellers the rest in one go */
function salesOf(
  world: World,
  random: Random,
  variant: Variant,
  filled: number,
): { variant: Variant; units: number }[] {
  const stock = world.sellable(variant)
  // Where stock is not counted, some hundred have come all the same
  let left = Math.min(
    stock === Number.POSITIVE_INFINITY ? random.int(20, 400) : Math.round(stock * filled),
    5000,
  )
  if (filled === 1 && stock < Number.POSITIVE_INFINITY) left = stock
  const sales: { variant: Variant; units: number }[] = []
  for (let n = 0; n < 3 && left > 0; n++) {
    const units = Math.min(left, random.int(1, 6))
    sales.push({ variant, units })
    left -= units
  }
  if (left > 0) sales.push({ variant, units: left })
  return sales
}

/**
 * Of all that was told of a record only the last: facts are absolute, so the end is the same, and loading takes a second.
 * What is about no record of the mirror (refunds, edits) is left out.
 */
function latest(deliveries: readonly Delivery[]): Delivery[] {
  const last = new Map<string, Delivery>()
  for (const delivery of deliveries) {
    const [family] = delivery.topic.split('/')
    const record =
      family === 'inventory_levels'
        ? /"inventory_item_id":(\d+),"location_id":(\d+)/.exec(delivery.body)?.[0]
        : /"id":(\d+)/.exec(delivery.body)?.[1]
    last.set(`${family} ${record}`, delivery)
  }
  return [...last.values()]
}

if (import.meta.main) {
  const program = new Command('bun sandbox/demo.ts')
    .exitOverride()
    .description(
      'Loads the demo shop into Onsale by signed webhooks; again on the same day it changes nothing.',
    )
    .option('--url <address>', 'where Onsale listens', 'http://127.0.0.1:3000')
    .option('--shop-domain <domain>', 'X-Shopify-Shop-Domain', 'demo.myshopify.com')
    .option('--compare', 'read everything back and compare', false)
    .option('--allow-remote', 'deliver to another machine', false)
    .action(async (flags: { url: string; shopDomain: string; compare: boolean; allowRemote: boolean }) => {
      process.exitCode = await load(flags)
    })
  await program.parseAsync().catch((error: unknown) => {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n`)
    else if (!(error instanceof CommanderError)) throw error
    process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2
  })
}

async function load(flags: {
  url: string
  shopDomain: string
  compare: boolean
  allowRemote: boolean
}): Promise<number> {
  const start_ms = performance.now()
  const url = targetOf(flags.url, { allow_remote: flags.allowRemote })
  const secret = await readSecret(process.env)
  await expectReachable(url)
  const { deliveries, truth } = createDemo({ today: new Date(), domain: flags.shopDomain })
  const progress = startProgress('Demo shop', deliveries.length)
  const report = await deliver(deliveries, {
    url,
    secret,
    patience_ms: 20_000,
    onProgress: (answered, requests) => progress.update(answered, requests),
  })
  progress.stop()
  if (report.answered < report.requests) {
    const [first] = report.refused
    const why = first ? `: HTTP ${first.status} ${first.answer}` : ''
    process.stderr.write(
      `${report.requests - report.answered} of ${report.requests} webhooks were not taken${why}\n`,
    )
    return 1
  }
  if (report.outcomes.failed) {
    process.stderr.write(`${report.outcomes.failed} webhooks were kept as failed deliveries\n`)
    return 1
  }
  const tickets = truth.events.reduce((sum, event) => sum + event.tickets.length, 0)
  const seconds = ((performance.now() - start_ms) / 1000).toFixed(1)
  process.stdout.write(
    `Demo shop loaded: ${truth.events.length} events, ${tickets} tickets, ${deliveries.length} webhooks in ${seconds} s\n`,
  )
  if (!flags.compare) return 0
  const { differences, late } = await compare(truth, { url })
  for (const { where, what, expected, got } of [...differences, ...late].slice(0, 40)) {
    process.stdout.write(
      `  ${where}: ${what} is ${JSON.stringify(got)}, should be ${JSON.stringify(expected)}\n`,
    )
  }
  process.stdout.write(differences.length === 0 ? 'exact\n' : `${differences.length} differences\n`)
  return differences.length === 0 ? 0 : 1
}
