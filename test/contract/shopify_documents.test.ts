import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildSchema,
  getVariableValues,
  NoDeprecatedCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql'
import * as documents from '../../src/shopify/documents.ts'

// What we send to Shopify, held against what its schema allows: test/shopify_schema.graphql, which is made from the whole.

const schema = buildSchema(readFileSync(join(import.meta.dir, '../shopify_schema.graphql'), 'utf8'))
const { gidOf, idOfGid, ...all } = documents
type Documents = typeof all
type Name = keyof Documents
type VariablesOf<N extends Name> = Documents[N] extends documents.Document<infer V, unknown> ? V : never

const [event, ticket, item, location] = [
  gidOf('Product', '1'),
  gidOf('ProductVariant', '2'),
  gidOf('InventoryItem', '3'),
  gidOf('Location', '4'),
]
const metafields = [{ namespace: '$app:events', key: 'venue', type: 'json', value: '{}' }]
const publications = { id: event, input: [{ publicationId: 'gid://shopify/Publication/5' }] }
const fields = {
  title: 'Night of the proms',
  descriptionHtml: '<p>Loud</p>',
  handle: 'proms-1',
  status: 'DRAFT' as const,
  productType: 'concert',
  tags: ['event'],
  vendor: 'Onsale',
  metafields,
}
const ticketFields = {
  price: '25.00',
  compareAtPrice: null,
  inventoryPolicy: 'DENY' as const,
  optionValues: [{ optionName: 'Ticket', name: 'General' }],
  metafields,
}
const inventoryItem = { sku: 'GA-1', tracked: true, requiresShipping: false }

const subscribed = 'gid://shopify/WebhookSubscription/7'
const subscription = {
  uri: 'https://tickets.example/webhooks/shopify',
  format: 'JSON' as const,
  metafieldNamespaces: ['onsale'],
}

/** Everything that the types allow, once. */
const samples: { [N in Name]: VariablesOf<N> } = {
  createEvent: {
    identifier: { handle: 'proms-1' },
    input: {
      ...fields,
      productOptions: [{ name: 'Ticket', position: 1, values: [{ name: 'General' }] }],
      variants: [
        {
          ...ticketFields,
          sku: 'GA-1',
          position: 1,
          inventoryItem,
          inventoryQuantities: [{ locationId: location, name: 'available', quantity: 200 }],
        },
      ],
      files: [{ originalSource: 'https://cdn.example/1.jpg', alt: 'A stage', contentType: 'IMAGE' }],
    },
  },
  updateEvent: { product: { ...fields, id: event } },
  deleteEvent: { id: event },
  listPublications: {},
  publishEvent: publications,
  unpublishEvent: publications,
  createTickets: {
    productId: event,
    variants: [
      {
        ...ticketFields,
        inventoryItem,
        inventoryQuantities: [{ locationId: location, availableQuantity: 200 }],
      },
    ],
  },
  updateTickets: { productId: event, variants: [{ ...ticketFields, id: ticket, inventoryItem }] },
  deleteTickets: { productId: event, variantsIds: [ticket] },
  adjustInventory: {
    input: {
      name: 'available',
      reason: 'correction',
      referenceDocumentUri: 'onsale://jobs/1',
      changes: [{ inventoryItemId: item, locationId: location, delta: -3, changeFromQuantity: null }],
    },
  },
  getLevel: { inventoryItemId: item, locationId: location },
  activateInventory: { inventoryItemId: item, locationId: location, available: 200 },
  listLocations: { after: null },
  listSubscriptions: { after: 'cursor' },
  createSubscription: { topic: 'ORDERS_CREATE', fields: subscription },
  updateSubscription: { id: subscribed, fields: subscription },
  deleteSubscription: { id: subscribed },
  getOrder: { id: gidOf('Order', '6'), after: 'cursor' },
  getRecord: { id: event },
  getInventoryItem: { id: item, after: 'cursor' },
  getEvent: { identifier: { id: event }, after: 'cursor' },
  deleteMetafields: { metafields: [{ ownerId: event, namespace: 'onsale', key: 'venue' }] },
  findEvent: { identifier: { handle: 'proms-1' } },
  findTicket: { id: ticket },
  listTickets: { id: event, after: 'cursor' },
  getShop: {},
  bulkProducts: {},
  bulkInventory: {},
  bulkOrders: {},
  startBulk: { query: '{ products { edges { node { id } } } }' },
  getBulk: { id: 'gid://shopify/BulkOperation/6' },
  listBulks: {},
}

describe.each(Object.entries(all))('%s', (name, document) => {
  const parsed = parse(document.text)
  const operation = parsed.definitions[0] as OperationDefinitionNode

  test('is one operation of the schema, and nothing in it is deprecated', () => {
    expect(parsed.definitions).toHaveLength(1)
    const faults = validate(schema, parsed, [...specifiedRules, NoDeprecatedCustomRule])
    expect(faults.map(({ message }) => message)).toEqual([])
  })

  test('is named as it says, and is known for a query or a mutation', () => {
    expect(document.name).toBe(operation.name?.value ?? '')
    expect(document.isQuery).toBe(operation.operation === 'query')
  })

  test('takes the variables that its type names', () => {
    const key = document.isIdempotent ? { idempotencyKey: 'key' } : {}
    const sent = { ...samples[name as Name], ...key }
    const { errors = [] } = getVariableValues(schema, operation.variableDefinitions ?? [], sent)
    expect(errors.map(({ message }) => message)).toEqual([])
    // What is sent and not declared is ignored in silence.
    const declared = operation.variableDefinitions?.map(({ variable }) => variable.name.value) ?? []
    expect(Object.keys(sent).toSorted()).toEqual(declared.toSorted())
  })

  test('asks a mutation for its user errors', () => {
    if (operation.operation === 'mutation')
      expect(document.text).toMatch(/userErrors \{ (code )?field message \}/)
    else expect(document.text).not.toContain('userErrors')
  })
})

test('names are different, because they are labels', () => {
  const names = Object.values(all).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

// Shopify refuses these without a key when they come, which its schema does not say.
test('what moves stock is sent with an idempotency key', () => {
  const namesOf = (chosen: (one: (typeof all)[Name]) => boolean) =>
    Object.entries(all).flatMap(([name, one]) => (chosen(one) ? [name] : []))
  const keyed = namesOf(({ isIdempotent }) => isIdempotent)
  expect(keyed.toSorted()).toEqual(['activateInventory', 'adjustInventory'])
  const needing = /\b(inventory(Activate|AdjustQuantities|MoveQuantities|SetQuantities)|refundCreate)\(/
  expect(namesOf(({ text }) => needing.test(text))).toEqual(keyed)
})

test("Shopify's ids go there and back, and a level's is none", () => {
  expect(event).toBe('gid://shopify/Product/1')
  expect(idOfGid(ticket)).toBe('2')
  expect(() => idOfGid('gid://shopify/InventoryLevel/9?inventory_item_id=3')).toThrow('Expected an id')
})
