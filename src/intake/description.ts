import { LRUCache } from 'lru-cache'
import type sanitizeHtml from 'sanitize-html'
import { sanitisedDescriptionsMax } from '../limits.ts'

const optionsOf = (library: typeof sanitizeHtml): sanitizeHtml.IOptions => ({
  allowedTags: [
    'p',
    'br',
    'b',
    'strong',
    'i',
    'em',
    'u',
    's',
    'ul',
    'ol',
    'li',
    'a',
    'h2',
    'h3',
    'h4',
    'blockquote',
    'hr',
  ],
  allowedAttributes: { a: ['href', 'title', 'rel'] },
  allowedSchemes: ['http', 'https', 'mailto', 'tel'],
  transformTags: {
    h1: 'h2',
    div: 'p',
    a: library.simpleTransform('a', { rel: 'nofollow noopener' }),
  },
})

// Shopify sends the whole product at every sale, so the same text comes hundreds of times a second.
const sanitised = new LRUCache<bigint, { html: string; result: string }>({ max: sanitisedDescriptionsMax })

/** The sanitised `body_html` of a product's raw body: a small set of tags; null where it has none or is no JSON. */
export function descriptionOf(body: Uint8Array): string | null {
  const html = bodyHtmlOf(body)
  return html === null ? null : cleanHtml(html)
}

/** What is left of HTML that somebody else wrote: a small set of tags. */
export function cleanHtml(html: string): string {
  const key = Bun.hash(html) as bigint
  const known = sanitised.get(key)
  if (known?.html === html) return known.result
  const result = sanitize(html).trim()
  sanitised.set(key, { html, result })
  return result
}

let sanitizer: ((html: string) => string) | null = null

/** Loaded by the first description, once: 20 ms, in which a process that starts serves already. */
function sanitize(html: string): string {
  if (sanitizer === null) {
    const library: typeof sanitizeHtml = require('sanitize-html')
    const options = optionsOf(library)
    sanitizer = (html) => library(html, options)
  }
  return sanitizer(html)
}

/** Only text is read here, so what JavaScript does to the numbers beside it does not matter. */
function bodyHtmlOf(body: Uint8Array): string | null {
  try {
    const product: unknown = JSON.parse(new TextDecoder().decode(body))
    const html =
      product !== null && typeof product === 'object' && 'body_html' in product ? product.body_html : null
    return typeof html === 'string' && html !== '' ? html : null
  } catch {
    // PostgreSQL will refuse this body in its turn and say why.
    return null
  }
}
