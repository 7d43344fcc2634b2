import type { Accounts } from '../accounts/accounts.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { readEventName, readListQuery } from '../catalog/query.ts'
import { AppError } from '../errors.ts'
import { uncached } from '../platform/answer.ts'
import type { Asked, DirectRoute } from '../platform/route_table.ts'
import type { Admin } from './admin.ts'

/**
 * The public reads where they show an admin more: `status` in the list, and events that visitors do not see. What is
 * for admins alone is never cached, and a visitor is told of such an event what he is told of none.
 */
export function withAdminReads(
  catalog: Catalog,
  { admin, accounts }: { admin: Admin; accounts: Pick<Accounts, 'requireRole'> },
): Catalog {
  return {
    ...catalog,

    listEvents: ((named) => {
      if (!new URLSearchParams(named.query).has('status')) return catalog.listEvents(named)
      return async ({ headers }) => {
        // Before the rest is looked at: a stranger is told 401, not what a query should look like.
        await accounts.requireRole(headers, 'ADMIN')
        const { status, ...query } = readListQuery(named.query)
        if (status === null) throw new AppError('bad_request', 'query.status: Expected a status')
        return uncached(await admin.listEvents(status, query))
      }
    }) satisfies DirectRoute,

    getEvent: ((named) => {
      const answer = catalog.getEvent(named)
      const name = readEventName(named.params.id ?? '')
      const orForAdmin = async ({ headers }: Asked, error: unknown) => {
        const isHidden = error instanceof AppError && error.code === 'not_found'
        if (!isHidden || !(await isAdmin(headers))) throw error
        return uncached(await admin.getEvent(name))
      }
      return (asked) => {
        try {
          const answered = answer(asked)
          return answered instanceof Response
            ? answered
            : answered.catch((error: unknown) => orForAdmin(asked, error))
        } catch (error) {
          return orForAdmin(asked, error)
        }
      }
    }) satisfies DirectRoute,
  }

  /** Without a refusal: who is no admin is told what everybody is told. */
  async function isAdmin(headers: Headers): Promise<boolean> {
    if (!headers.has('authorization')) return false
    try {
      await accounts.requireRole(headers, 'ADMIN')
      return true
    } catch (error) {
      if (error instanceof AppError && error.status < 500) return false
      throw error
    }
  }
}
