import { storableText } from '../errors.ts'
import type { ShopifyFault } from './error.ts'

/** What a mutation says of what it was asked for. */
export type UserError = { message: string; field: string[] | null; code?: string | null }

/** Whether it is one; anything else in the list says nothing to anybody. */
export function isUserError(value: unknown): value is UserError {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
  )
}

/** What is wrong, in the words of our API: events and tickets for products and variants, and paths as in its other refusals. */
export function faultsOf(errors: readonly UserError[]): ShopifyFault[] {
  return errors.slice(0, faultsMax).map(({ message, field, code }) => ({
    message: storableText(sentences[code ?? ''] ?? inOurWords(message)),
    field: Array.isArray(field) ? pathOf(field) : null,
  }))
}

// As many as anybody reads.
const faultsMax = 50

/** Of a product an admin reads here as an event, of a variant as a ticket. */
function inOurWords(message: string): string {
  // Some mutations say this without a code.
  if (message === 'Product does not exist') return sentences.PRODUCT_DOES_NOT_EXIST
  return message
    .replace(/\b([Vv])ariant(s?)\b/g, (_, v: string, s: string) => `${v === 'V' ? 'T' : 't'}icket${s}`)
    .replace(/\b([Pp])roduct(s?)\b/g, (_, p: string, s: string) => `${p === 'P' ? 'E' : 'e'}vent${s}`)
}

// Where Shopify's own sentence speaks of what an admin does not know of.
const sentences: Readonly<Record<string, string> & { PRODUCT_DOES_NOT_EXIST: string }> = {
  PRODUCT_DOES_NOT_EXIST: 'The event is not in the shop any more',
  PRODUCT_SUSPENDED: 'Shopify has suspended the event',
  PRODUCT_VARIANT_DOES_NOT_EXIST: 'The ticket is not in the shop any more',
  MUST_BE_FOR_THIS_PRODUCT: 'The ticket is not of this event',
  AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT: 'A ticket is not of this event',
  CANNOT_DELETE_LAST_VARIANT: 'An event keeps at least one ticket',
  VARIANT_ALREADY_EXISTS: 'Another ticket of the event has this name',
  VARIANT_ALREADY_EXISTS_CHANGE_OPTION_VALUE: 'Another ticket of the event has this name',
  DUPLICATED_OPTION_VALUE: 'Another ticket of the event has this name',
  VARIANTS_OVER_LIMIT: 'Shopify does not take so many tickets for one event',
  INVENTORY_QUANTITIES_LIMIT_EXCEEDED: 'Shopify does not take so many stocks in one call',
  TRACKED_VARIANT_LOCATION_NOT_FOUND: 'The location is not one of the shop',
  INVALID_LOCATION: 'The location is not one of the shop, or does not stock the ticket',
  INVALID_INVENTORY_ITEM: 'The ticket has no stock in the shop any more',
  CHANGE_FROM_QUANTITY_STALE: 'The stock has changed meanwhile',
  IDEMPOTENCY_KEY_PARAMETER_MISMATCH: 'The same request was sent before with something else in it',
  IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED: 'The request failed before, and has to be made anew',
}

/** `["input", "variants", "0", "price"]` is `/tickets/0/price_cents`. */
function pathOf(field: readonly unknown[]): string | null {
  const path = `/${field.map(String).join('/')}`
    .replace(/^\/(input|product)(?=\/|$)/, '')
    .replace(/\/inventoryItem(?=\/)/, '')
    .replace(/^\/productOptions\/0\/values(?=\/\d)/, '/tickets')
    .replace(/\/optionValues(\/\d+)?(\/name)?$/, '/name')
    .replace(/\/(inventoryQuantities|quantityAdjustments)\b.*$/, '/capacity')
    .replace(/^\/id$/, '')
    // Of which item it is decides the ticket, no field of a request.
    .replace(/^.*\/inventoryItemId$/, '')
    .replace(/^.*\/locationId$/, '/location_id')
    .replace(/[A-Za-z]+/g, (word) => words[word] ?? word)
  return path === '' ? null : storableText(path)
}

const words: Readonly<Record<string, string>> = {
  variants: 'tickets',
  variantsIds: 'tickets',
  price: 'price_cents',
  compareAtPrice: 'compare_at_price_cents',
  descriptionHtml: 'description',
  files: 'images',
}
