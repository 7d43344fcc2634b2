/** A right that the app lacks, and what does not work without it. */
export type MissingScope = { scope: string; without: string }

/** What each right is for. Who may write may read. */
const needed: readonly MissingScope[] = [
  { scope: 'write_products', without: 'events and tickets cannot be changed' },
  { scope: 'write_inventory', without: 'capacities and allotments cannot be changed' },
  {
    scope: 'read_products',
    without: 'events are not synchronised, and what their webhooks missed is not found',
  },
  {
    scope: 'read_inventory',
    without: 'stock and its locations are not known, and what their webhooks missed is not found',
  },
  { scope: 'write_publications', without: 'events cannot be published' },
  {
    scope: 'read_orders',
    without: 'orders are not synchronised, and what their webhooks missed is not found',
  },
]

/** Which rights the app lacks of those that are asked for somewhere. */
export function missingScopes(granted: readonly string[]): MissingScope[] {
  const has = (scope: string) => granted.includes(scope) || granted.includes(scope.replace('read_', 'write_'))
  return needed.filter(({ scope }) => !has(scope))
}
