import { expect } from 'bun:test'
import type { TransactionSql } from 'postgres'
import { deleteEvent, deleteTicket, editTicket, makeEvent, makeShopifyEvent } from '../../admin.ts'
import { ticketsOf } from '../../sales.ts'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

async function claim(sql: TransactionSql, ticket: number, version: number | null = null) {
  const [row] = await sql<{ refusal: string | null; id: number | null; version: number | null }[]>`
    select c.refusal, (c.ticket).id::integer as id, (c.ticket).version
    from api.claim_direct_ticket(p_ticket_id => ${ticket}::bigint, p_version => ${version}::integer) c`
  return row
}

check('a ticket at the version that was looked at, or whatever version it is at', async (sql) => {
  const [id = 0] = await ticketsOf(sql, await makeEvent(sql))
  expect(await claim(sql, id, 1)).toEqual({ refusal: null, id, version: 1 })
  await editTicket(sql, id, 1, { name: 'Balcony' })
  expect(await claim(sql, id)).toEqual({ refusal: null, id, version: 2 })
})

check('one that was changed since is refused and tells its version', async (sql) => {
  const [id = 0] = await ticketsOf(sql, await makeEvent(sql))
  await editTicket(sql, id, 1, { name: 'Balcony' })
  expect(await claim(sql, id, 1)).toEqual({ refusal: 'version_conflict', id, version: 2 })
})

check('one of Shopify is refused before its version is looked at', async (sql) => {
  const [id = 0] = await ticketsOf(sql, await makeShopifyEvent(sql))
  expect(await claim(sql, id, 7)).toEqual({ refusal: 'not_direct', id, version: 1 })
})

check('one that was deleted, or whose event was, is not found; neither is none', async (sql) => {
  const [ticket = 0] = await ticketsOf(sql, await makeEvent(sql))
  const event = await makeEvent(sql)
  const [orphan = 0] = await ticketsOf(sql, event)
  await deleteTicket(sql, ticket)
  await deleteEvent(sql, event)
  for (const id of [ticket, orphan, 999_999]) {
    expect(await claim(sql, id)).toEqual({ refusal: 'not_found', id: null, version: null })
  }
})
