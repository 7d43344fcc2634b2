import {
  passwordCharsMax,
  passwordCharsMin,
  passwordHashesAtOnceMax,
  passwordHashesWaitingMax,
  passwordHashKiB,
  passwordHashMsMax,
  passwordHashPasses,
} from '../limits.ts'
import { createLane } from '../platform/lane.ts'

export type Passwords = ReturnType<typeof createPasswords>

/** What a hash takes, and the hash of a password that nobody has kept, which takes as much. */
export type HashCost = { kiB: number; passes: number; nobodysHash: string }

/**
 * Hashes passwords and holds them against hashes, by argon2id on threads of Bun's. Few at once, and few that wait: a
 * storm of logins must not take the cores from the reads. What is too much is refused as `busy`.
 */
export function createPasswords({ kiB, passes, nobodysHash }: HashCost = wantedCost) {
  const argon2 = { algorithm: 'argon2id', memoryCost: kiB, timeCost: passes } as const
  const lane = createLane({
    atOnceMax: passwordHashesAtOnceMax,
    waitingMax: passwordHashesWaitingMax,
    holdMsMax: passwordHashMsMax,
    metrics: null,
    refusal: 'Too many logins are being checked, try again',
  })

  return {
    /** The hash to keep, with its salt and its parameters in it. */
    hash: (password: string): Promise<string> =>
      lane.run(() => Bun.password.hash(normalised(password), argon2)),

    /** Null as hash: nobody is there to have a password. It takes as long as a wrong password does, and is one. */
    isRight: (password: string, hash: string | null): Promise<boolean> =>
      lane.run(async () => {
        const isHash = hash?.startsWith('$argon2id$') ?? false
        const isMatch = await Bun.password.verify(normalised(password), isHash ? hash! : nobodysHash)
        return isMatch && isHash
      }),
  }
}

/** What is wrong with a password that somebody wants to have, as a sentence; null: nothing. */
export async function passwordFault(password: string): Promise<string | null> {
  if (!password.isWellFormed()) return 'Expected well-formed Unicode'
  const text = normalised(password)
  const { length } = [...text]
  if (length < passwordCharsMin || length > passwordCharsMax) {
    return `Expected ${passwordCharsMin} to ${passwordCharsMax} characters`
  }
  if ((await commonPasswords()).has(text.toLowerCase())) {
    return 'Expected a password that is not among the most common ones'
  }
  return null
}

/** Two ways to type one character are one password: an é may come as one code point or as two. */
function normalised(password: string): string {
  return password.normalize('NFC')
}

const wantedCost: HashCost = {
  kiB: passwordHashKiB,
  passes: passwordHashPasses,
  nobodysHash:
    '$argon2id$v=19$m=19456,t=2,p=1$wmdwgAlmxlNUMh+0c40ejjr4Vi4s6LFtAjh4AH0+E1o$1FB6JCA1egkghwMQX6D2YtaiAx6TxqEf0SGA4qUAGEU',
}

let common: Promise<ReadonlySet<string>> | null = null

/** Some ten thousands from leaked lists. Loaded when somebody first chooses a password: it takes 25 ms. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(({ dictionary }) => {
    const list = dictionary['passwords-common']
    return new Set(list.filter((password) => password.length >= passwordCharsMin))
  })
  return common
}
