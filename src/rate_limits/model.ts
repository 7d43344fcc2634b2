import type { DocumentedHeader } from '../platform/operation.ts'

/** Headers of what is limited: of its answers, its refusals, and of 429. */
export const rateLimitHeaders = {
  'RateLimit-Limit': { description: 'How many are allowed in the window', example: '10' },
  'RateLimit-Remaining': { description: 'How many are left', example: '9' },
  'RateLimit-Reset': { description: 'Seconds until all are allowed again', example: '60' },
} as const satisfies Record<string, DocumentedHeader>
