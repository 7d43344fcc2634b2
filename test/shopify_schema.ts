// Rewrites test/shopify_schema.graphql: what our documents touch of the schema of Shopify's Admin API, as the package
// @shopify/dev-mcp has it. Type `bun test/shopify_schema.ts` after a change of src/shopify/documents.ts or of the version.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  buildClientSchema,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isRequiredArgument,
  isScalarType,
  isSpecifiedScalarType,
  NoDeprecatedCustomRule,
  parse,
  specifiedRules,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import * as documents from '../src/shopify/documents.ts'

const source = '@shopify/dev-mcp@1.16.0'
const version = '2026-10'

const texts = Object.values(documents).flatMap((one) => (typeof one === 'function' ? [] : [one.text]))
const schema = readSchema()
const faults = texts.flatMap((text) =>
  validate(schema, parse(text), [...specifiedRules, NoDeprecatedCustomRule]),
)
if (faults.length > 0)
  throw new Error(`Schema ${version}: ${faults.map(({ message }) => message).join('; ')}`)
writeFileSync(join(import.meta.dir, 'shopify_schema.graphql'), reduce(schema))

/** By npm, whatever else the package would pull in. */
function readSchema(): GraphQLSchema {
  const folder = mkdtempSync(join(tmpdir(), 'onsale-shopify-schema-'))
  const run = (file: string, args: string[]) => {
    const { status, error, stdout } = spawnSync(file, args, {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error(`${file} failed: ${error?.message ?? status}`)
    return stdout
  }
  try {
    run('npm', ['pack', source, '--silent'])
    const [tarball = ''] = readdirSync(folder)
    const packed = run('tar', ['-xzOf', tarball, `package/dist/data/admin_${version}.json.gz`])
    return buildClientSchema(JSON.parse(Buffer.from(Bun.gunzipSync(packed)).toString()).data)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The fields that the documents name, with all that may be sent to them; without descriptions. */
function reduce(schema: GraphQLSchema): string {
  const fields = new Map<string, Map<string, Set<string>>>()
  const inputs = new Set<string>()
  for (const text of texts) {
    const info = new TypeInfo(schema)
    const note = visitWithTypeInfo(info, {
      Field() {
        const [parent, field] = [info.getParentType(), info.getFieldDef()]
        if (!parent || !field || field.name.startsWith('__')) return
        const named = fields.get(parent.name) ?? new Map<string, Set<string>>()
        fields.set(parent.name, named.set(field.name, named.get(field.name) ?? new Set()))
        keepLeaf(getNamedType(field.type))
        for (const arg of field.args.filter(isRequiredArgument)) named.get(field.name)?.add(arg.name)
      },
      Argument(node) {
        const [parent, field] = [info.getParentType(), info.getFieldDef()]
        if (parent && field) fields.get(parent.name)?.get(field.name)?.add(node.name.value)
      },
    })
    visit(parse(text), note)
  }
  const composites = [...fields].map(([name, kept]) => {
    const type = schema.getType(name)
    if (!isCompositeType(type) || !('getFields' in type)) throw new Error(`${name} has no fields`)
    const lines = Object.values(type.getFields())
      .filter((field) => kept.has(field.name))
      .map((field) => {
        const args = field.args.filter((arg) => kept.get(field.name)?.has(arg.name))
        for (const arg of args) keepInput(getNamedType(arg.type))
        const list = args.map((arg) => `${arg.name}: ${arg.type}`).join(', ')
        return `  ${field.name}${list === '' ? '' : `(${list})`}: ${field.type}${deprecated(field)}`
      })
    return `type ${name} {\n${lines.join('\n')}\n}`
  })
  const others = [...inputs].toSorted().map((name) => printInput(schema.getType(name)))
  const directives = schema
    .getDirectives()
    .filter(({ name }) => name === 'idempotent')
    .map(({ name, args, locations }) => {
      const list = args.map((arg) => `${arg.name}: ${arg.type}`).join(', ')
      return `directive @${name}(${list}) on ${locations.join(' | ')}`
    })
  const head = [
    `# Of Shopify's Admin API ${version}: what our documents touch. Written by test/shopify_schema.ts from ${source}.`,
    `schema {\n  query: ${schema.getQueryType()}\n  mutation: ${schema.getMutationType()}\n}`,
  ]
  return `${[...head, ...directives, ...composites.toSorted(), ...others].join('\n\n')}\n`

  function keepLeaf(type: GraphQLNamedType): void {
    if (!isCompositeType(type)) keepInput(type)
  }

  function keepInput(type: GraphQLNamedType): void {
    if (inputs.has(type.name) || isSpecifiedScalarType(type)) return
    inputs.add(type.name)
    if (!isInputObjectType(type)) return
    for (const field of Object.values(type.getFields())) keepInput(getNamedType(field.type))
  }
}

function printInput(type: GraphQLNamedType | undefined): string {
  if (isScalarType(type)) return `scalar ${type.name}`
  if (isEnumType(type)) {
    const values = type.getValues().map((value) => `  ${value.name}${deprecated(value)}`)
    return `enum ${type.name} {\n${values.join('\n')}\n}`
  }
  if (!isInputObjectType(type)) throw new Error(`${type?.name} cannot be sent`)
  const lines = Object.values(type.getFields()).map(
    (field) => `  ${field.name}: ${field.type}${deprecated(field)}`,
  )
  return `input ${type.name}${type.isOneOf ? ' @oneOf' : ''} {\n${lines.join('\n')}\n}`
}

function deprecated({ deprecationReason }: { deprecationReason?: string | null | undefined }): string {
  return deprecationReason == null ? '' : ' @deprecated'
}
