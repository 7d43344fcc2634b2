import { expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { createGatherer, type GathererOptions } from '../../src/platform/gather.ts'
import { createMetrics } from '../../src/platform/metrics.ts'

const metrics = createMetrics()

/** A gatherer whose batches end when the test says so. */
function gathererOf(options: Partial<GathererOptions<number, string>> = {}) {
  const batches: {
    items: readonly number[]
    end(results?: (string | Error)[]): void
    fail(error: unknown): void
  }[] = []
  const gatherer = createGatherer<number, string>({
    name: 'test',
    run: (items) =>
      new Promise((resolve, reject) => {
        batches.push({
          items,
          end: (results = items.map((item) => `did ${item}`)) => resolve(results),
          fail: reject,
        })
      }),
    concurrency: 1,
    batchItemsMax: 3,
    queueItemsMax: 100,
    // What a test leaves unanswered must not be refused later, in the middle of another one.
    waitMsMax: 3_600_000,
    metrics,
    ...options,
  })
  return { ...gatherer, batches }
}

/** One turn of the event loop, after which what was submitted is under way. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (result) => result,
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('a lone request leaves at once', async () => {
  const { submit, batches } = gathererOf()
  const answer = submit(1)
  await turn()
  expect(batches.map((batch) => batch.items)).toEqual([[1]])
  batches[0]!.end()
  expect(await answer).toBe('did 1')
})

test('what arrives in one turn of the event loop leaves together', async () => {
  const { submit, batches } = gathererOf()
  void submit(1)
  void submit(2)
  await turn()
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2]])
})

test('what arrives while all slots are busy waits and leaves in order, in batches of at most the bound', async () => {
  const { submit, batches, depth } = gathererOf()
  const answers = [submit(0)]
  await turn()
  for (const item of [1, 2, 3, 4]) answers.push(submit(item))
  await turn()
  expect(depth()).toBe(4)
  expect(batches).toHaveLength(1)
  batches[0]!.end()
  await turn()
  expect(batches[1]!.items).toEqual([1, 2, 3])
  batches[1]!.end()
  await turn()
  expect(batches[2]!.items).toEqual([4])
  batches[2]!.end()
  expect(await Promise.all(answers)).toEqual(['did 0', 'did 1', 'did 2', 'did 3', 'did 4'])
  expect(depth()).toBe(0)
})

test('as many batches run at once as there are slots', async () => {
  const { submit, batches } = gathererOf({ concurrency: 2, batchItemsMax: 1 })
  for (const item of [1, 2, 3]) void submit(item)
  await turn()
  expect(batches.map((batch) => batch.items)).toEqual([[1], [2]])
  batches[1]!.end()
  await turn()
  expect(batches.map((batch) => batch.items)).toEqual([[1], [2], [3]])
})

test('a batch ends before the item that would make it too heavy, but never without any', async () => {
  const { submit, batches } = gathererOf({ bytesOf: (item) => item, batchBytesMax: 10 })
  for (const item of [4, 4, 4, 50, 1]) void submit(item)
  for (let nth = 0; nth < 4; nth++) {
    await turn()
    batches[nth]!.end()
  }
  expect(batches.map((batch) => batch.items)).toEqual([[4, 4], [4], [50], [1]])
})

test('thousands that wait are answered each with its own', async () => {
  const { submit, batches } = gathererOf({ queueItemsMax: 10_000, batchItemsMax: 7 })
  const answers = Array.from({ length: 5_000 }, (_, item) => submit(item))
  for (let nth = 0; nth < Math.ceil(5_000 / 7); nth++) {
    await turn()
    batches[nth]!.end()
  }
  expect(await Promise.all(answers)).toEqual(answers.map((_, item) => `did ${item}`))
})

// Bad ---------------------------------------------------------------------------------------------------------------

test('a full queue refuses at once as busy and takes again when there is room', async () => {
  const { submit, batches } = gathererOf({ queueItemsMax: 2 })
  void submit(0)
  await turn()
  void submit(1)
  void submit(2)
  expect(await codeOf(submit(3))).toBe('busy')
  batches[0]!.end()
  await turn()
  const late = submit(4)
  batches[1]!.end()
  await turn()
  batches[2]!.end()
  expect(await late).toBe('did 4')
})

test('a queue that is full by weight refuses, but never the only item', async () => {
  const { submit, batches } = gathererOf({ queueBytesMax: 10, bytesOf: (item) => item })
  void submit(0)
  await turn()
  const heavy = submit(50)
  expect(await codeOf(submit(1))).toBe('busy')
  batches[0]!.end()
  await turn()
  batches[1]!.end()
  expect(await heavy).toBe('did 50')
})

test('a refused batch refuses all its items, and the next one runs', async () => {
  const { submit, batches } = gathererOf()
  const answers = [submit(1), submit(2)]
  await turn()
  const next = submit(3)
  batches[0]!.fail(new AppError('unavailable', 'The database is away'))
  expect(await Promise.all(answers.map(codeOf))).toEqual(['unavailable', 'unavailable'])
  await turn()
  batches[1]!.end()
  expect(await next).toBe('did 3')
})

test('an Error among the results refuses that item alone', async () => {
  const { submit, batches } = gathererOf()
  const answers = [submit(1), submit(2), submit(3)]
  await turn()
  batches[0]!.end(['did 1', new AppError('internal', 'No'), 'did 3'])
  expect(await Promise.all(answers.map(codeOf))).toEqual(['did 1', 'internal', 'did 3'])
})

test('a batch that answers too few results answers nobody wrongly', async () => {
  const { submit, batches } = gathererOf()
  const answers = [submit(1), submit(2)]
  await turn()
  batches[0]!.end(['did 1'])
  expect(await Promise.all(answers.map(codeOf))).toEqual(
    Array(2).fill('Error: Batch of 2 answered 1 results'),
  )
})

test('a run that throws at once is a refusal like any other', async () => {
  const { submit } = gathererOf({
    run: () => {
      throw new Error('No connection')
    },
  })
  expect(await codeOf(submit(1))).toBe('Error: No connection')
  expect(await codeOf(submit(2))).toBe('Error: No connection')
})

// Late --------------------------------------------------------------------------------------------------------------

test('what waits too long is refused as busy, queued or under way, and the slot stays taken until it is free', async () => {
  const { submit, batches } = gathererOf({ waitMsMax: 40 })
  const startedAt = performance.now()
  const underWay = submit(1)
  await turn()
  const queued = submit(2)
  expect(await Promise.all([codeOf(underWay), codeOf(queued)])).toEqual(['busy', 'busy'])
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(40)
  const third = submit(3)
  await turn()
  expect(batches).toHaveLength(1)
  batches[0]!.end()
  await turn()
  // Nobody waits for 2 any more, so it is not done.
  expect(batches[1]!.items).toEqual([3])
  batches[1]!.end()
  expect(await third).toBe('did 3')
})

test('drain answers what was accepted and refuses newcomers as unavailable', async () => {
  const { submit, batches, drain } = gathererOf({ batchItemsMax: 1 })
  const answers = [submit(1), submit(2)]
  await turn()
  let isDrained = false
  const drained = drain().then(() => {
    isDrained = true
  })
  expect(await codeOf(submit(3))).toBe('unavailable')
  batches[0]!.end()
  await turn()
  expect(isDrained).toBe(false)
  batches[1]!.end()
  await drained
  expect(await Promise.all(answers)).toEqual(['did 1', 'did 2'])
})

test('drain before the first batch has left still answers it', async () => {
  const { submit, batches, drain } = gathererOf()
  const answer = submit(1)
  const drained = drain()
  await turn()
  batches[0]!.end()
  expect(await answer).toBe('did 1')
  await drained
})

test('drain of an idle gatherer is over at once, a second time too', async () => {
  const { drain } = gathererOf()
  await drain()
  await drain()
})

test('two that drain at once are both told', async () => {
  const { submit, batches, drain } = gathererOf()
  void submit(1)
  const both = Promise.all([drain(), drain()])
  await turn()
  batches[0]!.end()
  expect(await Promise.race([both.then(() => 'drained'), Bun.sleep(500).then(() => 'hangs')])).toBe('drained')
})

test('drain ends although everything was refused as overdue before it could leave', async () => {
  const { submit, batches, drain } = gathererOf({ waitMsMax: 5 })
  const first = codeOf(submit(1))
  const drained = drain()
  block(30)
  expect(await first).toBe('busy')
  // Whether the interval or the batch came first in the loop is the runtime's affair: a batch that left must end too.
  batches[0]?.end()
  const isDrained = Promise.race([drained.then(() => 'drained'), Bun.sleep(500).then(() => 'hangs')])
  expect(await isDrained).toBe('drained')
})

test('queue and batches are measured', async () => {
  const own = createMetrics()
  const { submit, batches } = gathererOf({ metrics: own })
  const read = () => own.registry.metrics()
  void submit(1)
  await turn()
  void submit(2)
  void submit(3)
  expect(await read()).toContain('gather_queue_depth{gatherer="test"} 2')
  batches[0]!.end()
  await turn()
  expect(await read()).toContain('gather_queue_depth{gatherer="test"} 0')
  expect(await read()).toContain('gather_batch_size_sum{gatherer="test"} 3')
})
