import { expect, test } from 'bun:test'
import { missingScopes } from '../../src/shopify/scopes.ts'

const missing = (...granted: string[]) => missingScopes(granted).map(({ scope }) => scope)
const all = ['write_products', 'write_inventory', 'write_publications', 'read_orders']

test('who may write may read, and what is granted beyond it does no harm', () => {
  expect(missing(...all)).toEqual([])
  expect(missing(...all, 'read_themes')).toEqual([])
})

test('what is missing is named with what does not work without it', () => {
  expect(missing('read_products', 'read_inventory', 'read_orders')).toEqual([
    'write_products',
    'write_inventory',
    'write_publications',
  ])
  expect(missingScopes(all.slice(0, 3))).toEqual([
    {
      scope: 'read_orders',
      without: 'orders are not synchronised, and what their webhooks missed is not found',
    },
  ])
})
