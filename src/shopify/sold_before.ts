import { Refusal } from '../platform/refusal.ts'

/** Units that were sold of a variant before the first order that the mirror can know. */
export type SoldBefore = { variantId: string; units: number }

/**
 * Reads such figures as an admin gives them: lines of `variant id,units` under a heading or none, or a JSON object of units by
 * variant id. Throws a Refusal that names the first line that is neither.
 */
export function readSoldBefore(text: string): SoldBefore[] {
  const figures = text.trimStart().startsWith('{') ? readJson(text) : readLines(text)
  const known = new Set<string>()
  for (const { variantId } of figures) {
    if (known.has(variantId)) throw new Refusal(`Expected each variant once, and ${variantId} is there twice`)
    known.add(variantId)
  }
  return figures
}

function readJson(text: string): SoldBefore[] {
  let object: Record<string, unknown>
  try {
    object = JSON.parse(text)
  } catch (error) {
    throw new Refusal('Expected a JSON object like {"4711": 120}', { cause: error })
  }
  return Object.entries(object).map(([id, units]) => figureOf([id, String(units)], `"${id}"`))
}

function readLines(text: string): SoldBefore[] {
  return text.split(/\r?\n/).flatMap((line, nth) => {
    const fields = line.split(/[,;\t]/).map((field) => field.trim())
    const isHeading = nth === 0 && !/\d/.test(fields[1] ?? '')
    return line.trim() === '' || isHeading ? [] : [figureOf(fields, `line ${nth + 1}`)]
  })
}

function figureOf([id = '', units = '', ...more]: readonly string[], where: string): SoldBefore {
  const variantId = /^(?:gid:\/\/shopify\/ProductVariant\/)?(\d{1,18})$/.exec(id)?.[1]
  if (variantId === undefined || !/^\d{1,9}$/.test(units) || more.length > 0)
    throw new Refusal(`Expected a variant's id and units at ${where}, like 4711,120`)
  return { variantId, units: Number(units) }
}
