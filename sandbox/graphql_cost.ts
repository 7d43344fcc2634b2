import {
  type DocumentNode,
  type GraphQLField,
  type GraphQLNamedType,
  GraphQLObjectType,
  getArgumentValues,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isLeafType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { schema } from './graphql_schema.ts'

/** A connection inside another, or inside a list of ids, counts as so many nodes at most */
const NESTED_NODES_MAX = 10
const MUTATION_COST = 10

interface Counted {
  readonly document: DocumentNode
  readonly variables: Readonly<Record<string, unknown>>
}

/**
 * Points that a request may cost, by a rule simpler than Shopify's: a mutation 10, an object 1, a scalar 0, a connection
 * `first` times its node (10 times at most inside another one), and `nodes(ids:)` as many times as it names ids.
 */
export function requestedCost(operation: OperationDefinitionNode, counted: Counted): number {
  const root = operation.operation === 'mutation' ? schema.getMutationType() : schema.getQueryType()
  if (!root) return 0
  return mutationsCost(operation) + selectionCost(operation.selectionSet, root, { ...counted, depth: 0 })
}

function selectionCost(
  { selections }: SelectionSetNode,
  type: GraphQLNamedType,
  counted: Counted & { depth: number },
): number {
  let cost = 0
  for (const selection of selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const on = selection.typeCondition && schema.getType(selection.typeCondition.name.value)
      cost += selectionCost(selection.selectionSet, on ?? type, counted)
    } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const fragment = counted.document.definitions.find(
        (definition) =>
          definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
      )
      const on =
        fragment?.kind === Kind.FRAGMENT_DEFINITION
          ? schema.getType(fragment.typeCondition.name.value)
          : undefined
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION && on)
        cost += selectionCost(fragment.selectionSet, on, counted)
    } else {
      const field = fieldOf(type, selection.name.value)
      if (!field || !selection.selectionSet) continue
      const args = getArgumentValues(field, selection, counted.variables) as {
        first?: number | null
        ids?: readonly unknown[]
      }
      cost += fieldCost(field, selection.selectionSet, { ...counted, args })
    }
  }
  return cost
}

function fieldCost(
  field: GraphQLField<unknown, unknown>,
  selections: SelectionSetNode,
  counted: Counted & {
    depth: number
    args: { first?: number | null; ids?: readonly unknown[] }
  },
): number {
  const named = getNamedType(field.type)
  const { args, depth } = counted
  if (isLeafType(named) || !isCompositeType(named) || named.name === 'PageInfo') return 0
  if (named.name.endsWith('Connection')) {
    const first = args.first ?? 0
    const nodes = depth === 0 ? first : Math.min(first, NESTED_NODES_MAX)
    return nodes * selectionCost(selections, named, { ...counted, depth: depth + 1 })
  }
  // An edge is no object of its own, and payloads are part of their mutation
  const own = named.name.endsWith('Edge') || named.name.endsWith('Payload') ? 0 : 1
  const within = args.ids ? { ...counted, depth: depth + 1 } : counted
  return (args.ids?.length ?? 1) * (own + selectionCost(selections, named, within))
}

function fieldOf(type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  return type instanceof GraphQLObjectType || isInterfaceType(type) ? type.getFields()[name] : undefined
}

/** Points that the answer did cost: its mutations and its objects, never more than was asked for */
export function actualCost(data: unknown, operation: OperationDefinitionNode, requested: number): number {
  const payloads = operation.operation === 'mutation' ? Object.values(data ?? {}) : [data]
  const objects = payloads.reduce((sum: number, part) => sum + below(part), 0)
  return Math.min(requested, mutationsCost(operation) + objects)
}

function mutationsCost({ operation, selectionSet }: OperationDefinitionNode): number {
  return operation === 'mutation' ? MUTATION_COST * selectionSet.selections.length : 0
}

function objectsIn(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0
  const isWrapping = ['nodes', 'edges', 'node', 'hasNextPage', 'endCursor'].some((key) => key in value)
  return below(value) + (isWrapping || Array.isArray(value) ? 0 : 1)
}

function below(value: unknown): number {
  return Object.values(value ?? {}).reduce((sum: number, part) => sum + objectsIn(part), 0)
}

/** Shopify's leaky bucket of points: full at first, and refilled all the time */
export class Bucket {
  private level: number
  private at_ms: number

  constructor(size: number, now_ms: number) {
    this.level = size
    this.at_ms = now_ms
  }

  /** Takes the points, unless there are not so many; answers whether it did */
  take(points: number, limits: Limits): boolean {
    this.refill(limits)
    if (points > this.level) return false
    this.level -= points
    return true
  }

  giveBack(points: number, { size }: Limits): void {
    this.level = Math.min(size, this.level + points)
  }

  status(limits: Limits) {
    this.refill(limits)
    return {
      maximumAvailable: limits.size,
      currentlyAvailable: Math.floor(this.level),
      restoreRate: limits.rate,
    }
  }

  private refill({ size, rate, now_ms }: Limits): void {
    this.level = Math.min(size, this.level + ((now_ms - this.at_ms) / 1000) * rate)
    this.at_ms = now_ms
  }
}

export interface Limits {
  readonly size: number
  readonly rate: number
  readonly now_ms: number
}
