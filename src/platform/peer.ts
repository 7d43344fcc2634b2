/** What may be asked: question -> what is said with it, and what is answered. All of it must survive JSON. */
export type Questions = Record<string, { says: unknown; gets: unknown }>

export type Answers<Q extends Questions> = {
  [Name in keyof Q]: (says: Q[Name]['says']) => Q[Name]['gets'] | Promise<Q[Name]['gets']>
}

export type Peer<Q extends Questions> = {
  /** Rejects where the other side fails, does not answer within `msMax`, or is gone. */
  ask<Name extends keyof Q & string>(
    question: Name,
    options: { says: Q[Name]['says']; msMax: number },
  ): Promise<Q[Name]['gets']>
  /** Takes a message of the other side; what is none of ours is ignored. */
  receive(message: unknown): void
  /** The channel is closed: everything that was asked fails. */
  close(): void
}

type Message = { id: number; question: string; says: unknown } | { id: number; gets: unknown } | Failed
type Failed = { id: number; fault: string }

/**
 * One end of a channel between two processes of ours, over which each asks the other questions (`Asked`) and answers its
 * (`Answered`). The two may be of different releases: a question that is not known is answered with a fault.
 */
export function createPeer<Asked extends Questions, Answered extends Questions>({
  send,
  answers,
}: {
  send: (message: Message) => void
  answers: Answers<Answered>
}): Peer<Asked> {
  const open = new Map<number, { resolve: (gets: never) => void; reject: (error: Error) => void }>()
  let lastId = 0
  let isClosed = false

  return { ask, receive, close }

  async function ask<Name extends keyof Asked & string>(
    question: Name,
    { says, msMax }: { says: Asked[Name]['says']; msMax: number },
  ): Promise<Asked[Name]['gets']> {
    if (isClosed) throw new Error(`The other process is gone: "${question}" cannot be asked`)
    const id = ++lastId
    const { promise, resolve, reject } = Promise.withResolvers<Asked[Name]['gets']>()
    const timer = setTimeout(() => reject(new Error(`"${question}" was not answered in ${msMax} ms`)), msMax)
    open.set(id, { resolve, reject })
    try {
      send({ id, question, says })
      return await promise
    } finally {
      clearTimeout(timer)
      open.delete(id)
    }
  }

  function receive(message: unknown): void {
    if (!isMessage(message)) return
    if ('question' in message) {
      void answer(message)
    } else if ('fault' in message) {
      open.get(message.id)?.reject(new Error(message.fault))
    } else {
      open.get(message.id)?.resolve(message.gets as never)
    }
  }

  async function answer({ id, question, says }: { id: number; question: string; says: unknown }) {
    let reply: Message
    try {
      if (!Object.hasOwn(answers, question)) throw new Error(`"${question}" is not known here`)
      reply = { id, gets: await answers[question as keyof Answered](says as never) }
    } catch (error) {
      reply = { id, fault: error instanceof Error ? error.message : String(error) }
    }
    try {
      if (!isClosed) send(reply)
    } catch {
      // The other side ended meanwhile: there is nobody to tell.
    }
  }

  function close(): void {
    isClosed = true
    for (const { reject } of open.values()) reject(new Error('The other process is gone'))
  }
}

function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'id' in message
}
