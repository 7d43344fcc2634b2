import { GraphQLError } from 'graphql'
import { type AdminShop, gidOf, type UserError } from './admin_state.ts'
import { time, type Views } from './graphql_views.ts'
import { inventoryQuantity, type Level, levelAt, type Variant } from './records.ts'

interface Change {
  readonly inventoryItemId: string
  readonly locationId: string
  readonly changeFromQuantity?: number | null
}

interface Group {
  readonly name: string
  readonly reason: string
  readonly referenceDocumentUri?: string | null
}

/** A change that fits: where it happens, and what is available there afterwards */
interface Planned {
  readonly variant: Variant
  readonly level: Level
  readonly available: number
}

const REASONS = new Set([
  'correction',
  'cycle_count_available',
  'damaged',
  'movement_canceled',
  'movement_created',
  'movement_received',
  'movement_updated',
  'other',
  'promotion',
  'quality_control',
  'received',
  'reservation_created',
  'reservation_deleted',
  'reservation_updated',
  'restock',
  'safety_stock',
  'shrinkage',
])

const QUANTITY_MAX = 1_000_000_000

/** The mutations of stock: all of the changes of one call, or none */
export function createStockMutations(shop: AdminShop, views: Views) {
  const { world } = shop
  return { inventorySetQuantities, inventoryAdjustQuantities, inventoryActivate }

  /** Refuses an omitted `changeFromQuantity`, which the schema lets be null, as Shopify does: above the mutation */
  function inventorySetQuantities({
    input,
  }: {
    input: Group & { readonly quantities: readonly (Change & { readonly quantity: number })[] }
  }) {
    demandCompared('InventoryQuantityInput', input.quantities)
    const named = input.name === 'available' || input.name === 'on_hand'
    const errors = groupErrors(input)
    if (!named) {
      const message = "The quantity name must be either 'available' or 'on_hand'."
      errors.push({ code: 'INVALID_NAME', field: ['input', 'name'], message })
    }
    const at = (n: number, key: string) => ['input', 'quantities', String(n), key]
    const committed = input.name === 'on_hand' ? shop.committed() : null
    const planned = input.quantities.flatMap((change, n) => {
      const { quantity } = change
      if (quantity < 0) {
        const message = "The quantity can't be negative."
        errors.push({ code: 'INVALID_QUANTITY_NEGATIVE', field: at(n, 'quantity'), message })
      } else if (quantity > QUANTITY_MAX) {
        const message = "The quantity can't be higher than 1,000,000,000."
        errors.push({ code: 'INVALID_QUANTITY_TOO_HIGH', field: at(n, 'quantity'), message })
      }
      const found = find(change, (key) => at(n, key), errors)
      if (!found) return []
      const held = committed?.get(found.level) ?? 0
      expectUnchanged(change, found.level.available + held, at(n, 'changeFromQuantity'), errors)
      return [{ ...found, available: quantity - held }]
    })
    for (const [n, { level }] of planned.entries()) {
      if (planned.findIndex((other) => other.level === level) === n) continue
      const message = 'The combination of inventoryItemId and locationId must be unique.'
      const code = 'NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR'
      errors.push({ code, field: ['input', 'quantities', String(n)], message })
    }
    return settle(input, planned, errors)
  }

  function inventoryAdjustQuantities({
    input,
  }: {
    input: Group & { readonly changes: readonly (Change & { readonly delta: number })[] }
  }) {
    demandCompared('InventoryChangeInput', input.changes)
    const errors = groupErrors(input)
    if (input.name !== 'available') {
      const message = "This fake shop moves 'available' only."
      errors.push({ code: 'INVALID_QUANTITY_NAME', field: ['input', 'name'], message })
    }
    const moved = new Map<Level, number>()
    const planned = input.changes.flatMap((change, n) => {
      const at = (key: string) => ['input', 'changes', String(n), key]
      const found = find(change, at, errors)
      if (!found) return []
      const before = moved.get(found.level) ?? found.level.available
      expectUnchanged(change, before, at('changeFromQuantity'), errors)
      const available = before + change.delta
      moved.set(found.level, available)
      if (Math.abs(available) > QUANTITY_MAX) {
        const code = available > 0 ? 'INVALID_QUANTITY_TOO_HIGH' : 'INVALID_QUANTITY_TOO_LOW'
        const message = 'The quantity is out of range.'
        errors.push({ code, field: at('delta'), message })
      }
      return [{ ...found, available }]
    })
    return settle(input, planned, errors)
  }

  function inventoryActivate({
    inventoryItemId,
    locationId,
    available,
  }: {
    inventoryItemId: string
    locationId: string
    available?: number | null
  }) {
    const variant = shop.stocked(inventoryItemId)
    const location = shop.location(locationId)
    const refuse = (field: string, message: string) => ({
      inventoryLevel: null,
      userErrors: [{ field: [field], message }],
    })
    if (!variant) return refuse('inventoryItemId', 'The inventory item could not be found.')
    if (!location) return refuse('locationId', "The location couldn't be found.")
    const known = levelAt(variant.item, location)
    const has = typeof available === 'number'
    if (known && has) {
      const message = 'Not allowed to set available quantity when the item is already active at the location.'
      return refuse('available', message)
    }
    if (known) return { inventoryLevel: views.level(known), userErrors: [] }
    if (has && available < 0) return refuse('available', 'Available must be greater than or equal to 0')
    variant.old_quantity = inventoryQuantity(variant.item)
    const level = shop.stock(variant.item, location, available ?? 0)
    shop.tell({ levels_connected: [level], updated: [variant.product] }, { variants: [variant] })
    return { inventoryLevel: views.level(level), userErrors: [] }
  }

  // ---- parts --------------------------------------------------------------------------------------------------

  function settle(group: Group, planned: readonly Planned[], errors: readonly UserError[]) {
    if (errors.length > 0) return { inventoryAdjustmentGroup: null, userErrors: errors }
    const changes = planned.map(({ variant, level, available }) => {
      const delta = available - level.available
      variant.old_quantity = inventoryQuantity(variant.item)
      level.available = available
      return {
        name: 'available',
        delta,
        // As at Shopify, whatever its documentation says of the field.
        quantityAfterChange: null,
        item: () => views.item(variant.item),
        location: () => views.location(level.location),
        level,
        variant,
      }
    })
    const moved = changes.filter(({ delta }) => delta !== 0)
    if (moved.length > 0) {
      shop.tell(
        {
          levels_updated: [...new Set(moved.map(({ level }) => level))],
          updated: [...new Set(moved.map(({ variant }) => variant.product))],
        },
        { variants: moved.map(({ variant }) => variant) },
      )
    }
    const inventoryAdjustmentGroup = {
      __typename: 'InventoryAdjustmentGroup',
      id: gidOf('InventoryAdjustmentGroup', world.newId('InventoryAdjustmentGroup')),
      createdAt: time(world.now_us),
      reason: group.reason,
      referenceDocumentUri: group.referenceDocumentUri ?? null,
      changes,
    }
    return { inventoryAdjustmentGroup, userErrors: [] }
  }

  function groupErrors({ reason, referenceDocumentUri }: Group): UserError[] {
    const errors: UserError[] = []
    if (!REASONS.has(reason)) {
      const message = 'The specified reason is invalid. Verify that your reason is valid for the mutation.'
      errors.push({ code: 'INVALID_REASON', field: ['input', 'reason'], message })
    }
    if (referenceDocumentUri && !/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(referenceDocumentUri)) {
      const message = 'The specified reference document is invalid.'
      errors.push({ code: 'INVALID_REFERENCE_DOCUMENT', field: ['input', 'referenceDocumentUri'], message })
    }
    return errors
  }

  function find(
    { inventoryItemId, locationId }: Change,
    at: (key: string) => string[],
    errors: UserError[],
  ): { variant: Variant; level: Level } | null {
    const variant = shop.stocked(inventoryItemId)
    const location = shop.location(locationId)
    const level = variant && location ? levelAt(variant.item, location) : null
    if (!variant) {
      const message = 'The specified inventory item could not be found.'
      errors.push({ code: 'INVALID_INVENTORY_ITEM', field: at('inventoryItemId'), message })
    } else if (!location) {
      const message = 'The specified location could not be found.'
      errors.push({ code: 'INVALID_LOCATION', field: at('locationId'), message })
    } else if (!level) {
      const message = 'The specified inventory item is not stocked at the location.'
      errors.push({ code: 'INVALID_LOCATION', field: at('locationId'), message })
    }
    return variant && level ? { variant, level } : null
  }
}

function demandCompared(type: string, changes: readonly Change[]): void {
  if (changes.every((change) => 'changeFromQuantity' in change)) return
  throw new GraphQLError(`${type} must include the following argument: changeFromQuantity.`, {
    extensions: { code: 'INVALID_FIELD_ARGUMENTS' },
  })
}

function expectUnchanged(
  { changeFromQuantity }: Change,
  persisted: number,
  field: readonly string[],
  errors: UserError[],
): void {
  if (typeof changeFromQuantity !== 'number' || changeFromQuantity === persisted) return
  const message = 'The changeFromQuantity argument no longer matches the persisted quantity.'
  errors.push({ code: 'CHANGE_FROM_QUANTITY_STALE', field, message })
}
