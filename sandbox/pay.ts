import { createHmac } from 'node:crypto'
import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander'
import { createRandom } from './random.ts'
import { expectReachable, readSecret, readValue, targetOf, UsageError } from './target.ts'

interface Flags {
  order: number
  payment?: number
  repeat: number
  shuffle: boolean
  url: string
  allowRemote: boolean
}

const program = new Command('bun run pay')
  .exitOverride()
  .description(
    'A payment provider at work: begins to pay an order of the direct channel and tells Onsale by signed webhooks how it ' +
      'came out, as often and in whatever order is asked for. Prints each answer, and what the order is then.',
  )
  .addArgument(
    new Argument('<results...>', 'what is told: success, failed, or several of them').choices([
      'success',
      'failed',
    ]),
  )
  .requiredOption('--order <id>', 'which order', wholeNumber)
  .option(
    '--payment <id>',
    'a payment that was begun before, also of an order whose time is over',
    wholeNumber,
  )
  .option('--repeat <count>', 'tell each so often', wholeNumber, 1)
  .option('--shuffle', 'tell them in any order, all at once', false)
  .option('--url <address>', 'where Onsale listens; default: ONSALE_URL of DATA_DIR/env', '')
  .option('--allow-remote', 'tell another machine', false)
  .addHelpText(
    'after',
    `
PAYMENT_WEBHOOK_SECRET, DEMO_ADMIN_EMAIL and DEMO_ADMIN_PASSWORD are read from the environment, else from DATA_DIR/env,
where \`bun run up\` keeps them.

Exit codes: 0 all was taken, 1 something was refused, 2 could not start.

Examples:
  bun run pay --order 1 success
  bun run pay --order 1 failed success --repeat 3 --shuffle
`,
  )
  .action(async (results: string[], flags: Flags) => {
    process.exitCode = await run(results, flags)
  })

await program.parseAsync().catch((error: unknown) => {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n`)
  else if (!(error instanceof CommanderError)) throw error
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2
})

async function run(results: string[], flags: Flags): Promise<number> {
  const { order, repeat, shuffle, allowRemote } = flags
  const address = flags.url || (await readValue(process.env, 'ONSALE_URL')) || 'http://127.0.0.1:3000'
  const url = targetOf(address, { allow_remote: allowRemote })
  const secret = await readSecret(process.env, 'PAYMENT_WEBHOOK_SECRET')
  await expectReachable(url)

  const token = await login(url)
  const payment = flags.payment ?? (await begin(url, token, order))
  const told = Array.from({ length: repeat }, () => results).flat()
  const queue = shuffle ? createRandom(crypto.randomUUID()).shuffle(told) : told
  const answers: Response[] = []
  if (shuffle) answers.push(...(await Promise.all(queue.map(tell))))
  else for (const result of queue) answers.push(await tell(result))
  for (const [nth, answer] of answers.entries())
    say(`${queue[nth]}: HTTP ${answer.status} ${await answer.text()}`)

  const shown = await fetch(`${url}/orders/${order}`, { headers: { authorization: `Bearer ${token}` } })
  say(`Order ${order} is ${((await shown.json()) as { status: string }).status}`)
  return answers.every(({ ok }) => ok) ? 0 : 1

  async function tell(result: string): Promise<Response> {
    const body = JSON.stringify({ payment_id: payment, order_id: order, status: result.toUpperCase() })
    const at = Math.floor(Date.now() / 1000)
    const mac = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
    return await fetch(`${url}/payments/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-signature': `t=${at},v1=${mac}` },
      body,
    })
  }
}

/** A token of the demo admin, who may pay for everybody. */
async function login(url: string): Promise<string> {
  const email = await readValue(process.env, 'DEMO_ADMIN_EMAIL')
  const password = await readValue(process.env, 'DEMO_ADMIN_PASSWORD')
  if (email === null || password === null) {
    throw new UsageError('No admin to pay as; set DEMO_ADMIN_EMAIL and DEMO_ADMIN_PASSWORD')
  }
  const { access_token } = await post<{ access_token: string }>(`${url}/auth/login`, { email, password })
  return access_token
}

/** Begins to pay the order; answers the payment. */
async function begin(url: string, token: string, order: number): Promise<number> {
  const begun = await post<{ payment_id: number; redirect_url: string }>(
    `${url}/payments/initiate`,
    { order_id: order },
    token,
  )
  say(`Payment ${begun.payment_id} of order ${order}, to be paid at ${begun.redirect_url}`)
  return begun.payment_id
}

async function post<Answer>(url: string, body: object, token?: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new UsageError(`${new URL(url).pathname}: ${await response.text()}`)
  return (await response.json()) as Answer
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.')
  return Number(text)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
