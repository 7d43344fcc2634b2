import { emailCharsMax } from '../limits.ts'

/**
 * An address as it is kept and looked up: trimmed, its domain in lower case, NFC. Null where it is none. What stands
 * before the @ keeps its case, which is its mail server's affair; two addresses that differ in case alone are one here.
 */
export function normalisedEmail(text: string): string | null {
  const at = text.lastIndexOf('@')
  const email = `${text.slice(0, at)}${text.slice(at).toLowerCase()}`.trim().normalize('NFC')
  return email.length <= emailCharsMax && pattern.test(email) ? email : null
}

// Stricter than RFC 5322, which allows quotes and comments: nobody has such an address. Letters of every script are
// fine, control characters and what only looks like nothing are not. A domain has a dot.
const pattern =
  /^(?!\.)(?!.*\.\.)[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)@(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])$/u
