import { expect } from 'bun:test'
import { scratchTests } from '../../scratch.ts'

const check = scratchTests()

for (const [sentence, status, tags, type, wantedTag, wantedType, expected] of [
  ['where nothing narrows, a product is what it says', 'active', [], null, null, null, 'active'],
  ['a product with the tag fits, whatever the case', 'draft', ['a', 'TICKET'], null, 'ticket', null, 'draft'],
  ['a product without the tag is archived', 'active', ['ticketing'], null, 'ticket', null, 'archived'],
  ['a product of the type fits, whatever the case', 'unlisted', [], 'Ticket', null, 'TICKET', 'unlisted'],
  ['a product of another type is archived', 'active', [], 'Shirt', null, 'ticket', 'archived'],
  ['a product without type is archived', 'active', [], null, null, 'ticket', 'archived'],
  ['tag and type must both fit', 'active', ['ticket'], 'Shirt', 'ticket', 'concert', 'archived'],
  ['tag and type both fit', 'active', ['ticket'], 'Concert', 'ticket', 'concert', 'active'],
  ['before any body there is no status', null, [], null, 'ticket', null, null],
] as const) {
  check(sentence, async (sql) => {
    const [row] = await sql`
      select api.get_event_status(
        ${status}::text::onsale.event_status, ${`{${tags}}`}::text::text[], ${type}::text, ${wantedTag}::text,
        ${wantedType}::text
      ) as status`
    expect(row).toEqual({ status: expected })
  })
}
