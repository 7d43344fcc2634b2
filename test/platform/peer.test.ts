import { expect, test } from 'bun:test'
import { type Answers, createPeer, type Peer } from '../../src/platform/peer.ts'

type Sums = { add: { says: number[]; gets: number }; wait: { says: null; gets: null } }
type Names = { name: { says: null; gets: string } }

/** Two ends whose messages cross as JSON, as they do between processes. */
function pair(sums: Answers<Sums>) {
  const sent: unknown[] = []
  const cross = (to: () => Peer<never> | Peer<Sums> | Peer<Names>) => (message: unknown) => {
    sent.push(message)
    queueMicrotask(() => to().receive(JSON.parse(JSON.stringify(message))))
  }
  const left: Peer<Sums> = createPeer<Sums, Names>({
    send: cross(() => right),
    answers: { name: () => 'left' },
  })
  const right: Peer<Names> = createPeer<Names, Sums>({ send: cross(() => left), answers: sums })
  return { left, right, sent }
}

const sums: Answers<Sums> = {
  add: async (numbers) => numbers.reduce((sum, number) => sum + number, 0),
  wait: () => new Promise(() => {}),
}

test('each side asks and answers, also at the same time, and every answer finds its question', async () => {
  const { left, right } = pair(sums)
  const asked = [1, 2, 3].map((number) => left.ask('add', { says: [number, 10], msMax: 1_000 }))
  expect(await right.ask('name', { says: null, msMax: 1_000 })).toBe('left')
  expect(await Promise.all(asked)).toEqual([11, 12, 13])
})

test('what fails on the other side fails here, with its words', async () => {
  const { left } = pair({
    ...sums,
    add() {
      throw new Error('The sum is unknown')
    },
  })
  expect(left.ask('add', { says: [], msMax: 1_000 })).rejects.toThrow('The sum is unknown')
})

test('a question that the other release does not know is answered, not left open', async () => {
  const { left } = pair(sums)
  const unknown = left as unknown as Peer<{ toString: { says: null; gets: null } }>
  expect(unknown.ask('toString', { says: null, msMax: 1_000 })).rejects.toThrow(
    '"toString" is not known here',
  )
})

test("an answer that does not come is not waited for, and one that comes late is nobody's", async () => {
  let answer = (_: null) => {}
  const { left } = pair({ ...sums, wait: () => new Promise((resolve) => (answer = resolve)) })
  await expect(left.ask('wait', { says: null, msMax: 5 })).rejects.toThrow('"wait" was not answered in 5 ms')
  answer(null)
  expect(await left.ask('add', { says: [1, 2], msMax: 1_000 })).toBe(3)
})

test('when the other side is gone, what was asked fails at once, and so does what is asked later', async () => {
  const { left, sent } = pair(sums)
  const open = left.ask('wait', { says: null, msMax: 60_000 })
  left.close()
  await expect(open).rejects.toThrow('gone')
  const count = sent.length
  await expect(left.ask('add', { says: [1], msMax: 60_000 })).rejects.toThrow('gone')
  expect(sent).toHaveLength(count)
})

test('a channel that breaks while it is written to fails the question', async () => {
  const broken = createPeer<Sums, Names>({
    send() {
      throw new Error('The channel is closed')
    },
    answers: { name: () => 'broken' },
  })
  await expect(broken.ask('add', { says: [], msMax: 60_000 })).rejects.toThrow('The channel is closed')
  broken.receive({ id: 1, question: 'name', says: null })
  await Bun.sleep(0)
})

test('messages of somebody else are ignored', () => {
  const { left } = pair(sums)
  for (const message of ['shutdown', null, 7, {}, { id: 99, gets: 1 }, { id: 99, fault: 'none' }]) {
    expect(() => left.receive(message)).not.toThrow()
  }
})
