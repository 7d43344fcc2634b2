import {
  type DocumentNode,
  execute,
  type FieldNode,
  GraphQLError,
  getNamedType,
  OperationTypeNode,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { type AdminShop, type BulkOperation, gidOf, type UserError } from './admin_state.ts'
import { schema } from './graphql_schema.ts'
import type { Context } from './graphql_views.ts'

/** Queries that run by themselves and leave a file of lines */
export interface BulkRuns {
  run(query: string, context: Context): { operation: BulkOperation | null; errors: UserError[] }
  /** False where it has ended already */
  cancel(operation: BulkOperation): boolean
  /** By its gid */
  find(gid: string): BulkOperation | null
}

const CONCURRENT_MAX = 5
const CONNECTIONS_MAX = 5
const LEVELS_MAX = 2

/** `ms` and `fails` are asked when an operation starts and ends: how long it runs, and whether it fails half way. */
export function createBulkRuns(
  shop: AdminShop,
  {
    root,
    ms,
    fails,
    signal,
  }: { root: () => object; ms: () => number; fails: () => boolean; signal: AbortSignal },
): BulkRuns {
  return { run, cancel, find }

  function run(query: string, context: Context) {
    const refuse = (message: string, code = 'INVALID') => ({
      operation: null,
      errors: [{ code, field: ['query'], message }],
    })
    const running = shop.bulk_operations.filter(({ status }) => status === 'CREATED' || status === 'RUNNING')
    if (running.length >= CONCURRENT_MAX) {
      const message = `A bulk query operation for this app and shop is already in progress: ${gidOf('BulkOperation', running[0]!.id)}.`
      return refuse(message, 'OPERATION_IN_PROGRESS')
    }
    const checked = check(query)
    if (typeof checked === 'string') return refuse(checked)
    const operation: BulkOperation = {
      id: shop.world.newId('BulkOperation'),
      query,
      status: 'CREATED',
      created_us: shop.world.now_us,
      completed_us: null,
      error_code: null,
      lines: [],
      root_count: 0,
    }
    shop.bulk_operations.push(operation)
    // Half the time it is waiting, half it is running; what it tells is what was true at the end
    after(ms() / 2, () => {
      if (operation.status === 'CREATED') operation.status = 'RUNNING'
      after(ms() / 2, () => finish(operation, checked, context))
    })
    return { operation, errors: [] }
  }

  function finish(operation: BulkOperation, document: DocumentNode, context: Context): void {
    if (operation.status !== 'RUNNING') return
    shop.tick()
    const { api_version, fileUrl } = context
    const contextValue: Context = { bulk: true, api_version, fileUrl }
    const result = execute({ schema, document, rootValue: root(), contextValue })
    if (result instanceof Promise) throw new Error('Resolvers are expected to answer at once')
    const lines = linesOf(result.data ?? {})
    const failed = fails() || Boolean(result.errors)
    operation.lines = failed ? lines.slice(0, Math.floor(lines.length / 2)) : lines
    operation.root_count = lines.filter((line) => !line.includes('"__parentId":')).length
    operation.error_code = failed ? 'INTERNAL_SERVER_ERROR' : null
    end(operation, failed ? 'FAILED' : 'COMPLETED')
  }

  function cancel(operation: BulkOperation): boolean {
    if (operation.status !== 'CREATED' && operation.status !== 'RUNNING') return false
    operation.status = 'CANCELING'
    after(ms() / 4, () => end(operation, 'CANCELED'))
    return true
  }

  function end(operation: BulkOperation, status: 'COMPLETED' | 'FAILED' | 'CANCELED'): void {
    shop.tick()
    operation.status = status
    operation.completed_us = shop.world.now_us
    shop.world.tellBulkFinish({
      operation: operation.id,
      created_us: operation.created_us,
      status: status.toLowerCase(),
      error_code: operation.error_code?.toLowerCase() ?? null,
    })
  }

  function find(gid: string): BulkOperation | null {
    return shop.bulk_operations.find(({ id }) => gidOf('BulkOperation', id) === gid) ?? null
  }

  function after(wait_ms: number, work: () => void): void {
    setTimeout(() => signal.aborted || work(), wait_ms)
  }
}

/** The parsed query, or why it cannot run in bulk */
function check(query: string): DocumentNode | string {
  const document = parsed(query)
  if (document instanceof GraphQLError) return `Invalid bulk query: ${document.message}`
  const faults = validate(schema, document)
  if (faults.length > 0) return `Invalid bulk query: ${faults[0]?.message}`
  const operation = document.definitions.find((definition) => definition.kind === 'OperationDefinition')
  if (operation?.operation !== OperationTypeNode.QUERY) return 'Invalid bulk query: it must be a query'
  if (operation.selectionSet.selections.length > 1) {
    return 'Bulk queries must contain exactly one top-level field.'
  }
  const shape = shapeOf(document)
  if (shape.connections === 0) return 'Bulk queries must contain at least one connection.'
  if (shape.connections > CONNECTIONS_MAX) {
    return `Bulk queries cannot contain more than ${CONNECTIONS_MAX} connections.`
  }
  if (shape.levels > LEVELS_MAX) {
    return `Bulk queries cannot contain connections with a nesting depth greater than ${LEVELS_MAX}.`
  }
  if (shape.without_id) {
    return `The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' return type. Connection fields without 'id': ${shape.without_id}.`
  }
  return document
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query)
  } catch (error) {
    if (error instanceof GraphQLError) return error
    throw error
  }
}

function shapeOf(document: DocumentNode) {
  const info = new TypeInfo(schema)
  const open: FieldNode[] = []
  let connections = 0
  let levels = 0
  let withoutId: string | null = null
  const isConnection = () => {
    const type = info.getType()
    return Boolean(type && getNamedType(type).name.endsWith('Connection'))
  }
  visit(
    document,
    visitWithTypeInfo(info, {
      Field: {
        enter(field) {
          if (!isConnection()) return
          const parent = open.at(-1)
          if (parent && !selectsId(parent)) withoutId = parent.name.value
          open.push(field)
          connections++
          levels = Math.max(levels, open.length)
        },
        leave(field) {
          if (open.at(-1) === field) open.pop()
        },
      },
    }),
  )
  return { connections, levels, without_id: withoutId }
}

function selectsId(connection: FieldNode): boolean {
  const fields = (node: FieldNode) =>
    (node.selectionSet?.selections ?? []).filter((selection) => selection.kind === 'Field')
  const nodes = fields(connection).flatMap((field) =>
    field.name.value === 'edges' ? fields(field) : field.name.value === 'nodes' ? [field] : [],
  )
  return nodes.every((node) => fields(node).some(({ name, alias }) => name.value === 'id' && !alias))
}

/** One line for each node, parents before their children, which name them */
function linesOf(data: object): string[] {
  const lines: string[] = []
  for (const value of Object.values(data)) for (const node of nodesOf(value) ?? []) write(node, null)
  return lines

  function write(node: object, parent: string | null): void {
    const children: Child[] = []
    const own = withoutChildren(node, { id: parent, children })
    lines.push(JSON.stringify(parent === null ? own : { ...own, __parentId: parent }))
    for (const child of children) write(child.node, child.parent)
  }
}

interface Child {
  readonly node: object
  readonly parent: string | null
}

/** What stays on the node's own line; the nodes of its connections are gathered as children of the nearest id */
function withoutChildren(
  record: object,
  { id: outer, children }: { id: string | null; children: Child[] },
): object {
  const id = (record as { id?: string }).id ?? outer
  const own: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) {
    const nodes = nodesOf(value)
    if (nodes) children.push(...nodes.map((node) => ({ node, parent: id })))
    else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      own[name] = withoutChildren(value, { id, children })
    } else own[name] = value
  }
  return own
}

/** The nodes of a connection, however they were asked for; null for anything else */
function nodesOf(value: unknown): object[] | null {
  if (value === null || typeof value !== 'object') return null
  if ('edges' in value) return (value.edges as { node: object }[]).map(({ node }) => node)
  return 'nodes' in value ? (value.nodes as object[]) : null
}
