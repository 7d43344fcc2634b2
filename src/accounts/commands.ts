import type { CommandDeps } from '../commands.ts'
import { AppError } from '../errors.ts'
import { Refusal } from '../platform/refusal.ts'
import { type Credentials, makeUser } from './accounts.ts'
import { createAccountCalls, type Role } from './calls.ts'
import { createPasswords } from './passwords.ts'

/** `admin create`: makes a user who may do everything, and prints his id. Answers the exit code. */
export async function createAdmin(
  { sql, metrics, print }: Pick<CommandDeps, 'sql' | 'metrics' | 'print'>,
  { email, password }: { email: string; password: string },
) {
  const { hash } = createPasswords()
  const calls = createAccountCalls(sql, metrics)
  try {
    const { id } = await makeUser({ email, password }, { calls, hash, role: 'ADMIN', actor: 'command' })
    print(String(id))
    return 0
  } catch (error) {
    const isAnswer = error instanceof AppError && error.status < 500
    throw isAnswer ? new Refusal(error.detail, { cause: error }) : error
  }
}

/** Makes the accounts that `up` shows with its demo shop. False where somebody has one of the addresses already. */
export async function createDemoAccounts(
  { sql, metrics }: Pick<CommandDeps, 'sql' | 'metrics'>,
  { admin, user }: { admin: Credentials; user: Credentials },
): Promise<boolean> {
  const { hash } = createPasswords()
  const calls = createAccountCalls(sql, metrics)
  const make = async (credentials: Credentials, role: Role): Promise<boolean> => {
    try {
      await makeUser(credentials, { calls, hash, role, actor: 'demo' })
      return true
    } catch (error) {
      if (error instanceof AppError && error.code === 'email_taken') return false
      throw error
    }
  }
  const made = [await make(admin, 'ADMIN'), await make(user, 'USER')]
  return made.every((isMade) => isMade)
}

/** The password that a command is given: of the environment, else all of the standard input but its last line end. */
export async function passwordGiven(given: string | undefined, { isTerminal }: { isTerminal: boolean }) {
  if (given) return given
  // What is typed there would stand on the screen.
  if (isTerminal) {
    throw new Refusal(
      'Pass the password on the standard input (admin create … < file) or in ONSALE_ADMIN_PASSWORD',
    )
  }
  return (await Bun.stdin.text()).replace(/\r?\n$/, '')
}
