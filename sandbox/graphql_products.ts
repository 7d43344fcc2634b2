import {
  type AdminShop,
  clearMetafields,
  gidOf,
  idOf,
  namespaceOf,
  type Operation,
  setMetafield,
  type UserError,
  valueFault,
} from './admin_state.ts'
import type { Views } from './graphql_views.ts'
import { optionName } from './payloads.ts'
import {
  type Item,
  inventoryQuantity,
  type Level,
  type Location,
  levelAt,
  type Product,
  type ProductStatus,
  type Variant,
} from './records.ts'
import { slugOf } from './world.ts'

interface MetafieldInput {
  readonly namespace?: string | null
  readonly key?: string | null
  readonly type?: string | null
  readonly value?: string | null
}

interface ProductFields {
  readonly title?: string | null
  readonly handle?: string | null
  readonly descriptionHtml?: string | null
  readonly productType?: string | null
  readonly vendor?: string | null
  readonly tags?: readonly string[] | null
  readonly status?: string | null
  readonly metafields?: readonly MetafieldInput[] | null
}

interface OptionInput {
  readonly name?: string | null
  readonly values?: readonly { readonly name?: string | null }[] | null
}

interface VariantFields {
  readonly id?: string | null
  readonly optionValues?:
    | readonly { readonly name?: string | null; readonly optionName?: string | null }[]
    | null
  readonly price?: string | null
  readonly compareAtPrice?: string | null
  readonly sku?: string | null
  readonly position?: number | null
  readonly inventoryPolicy?: string | null
  readonly inventoryItem?: { readonly sku?: string | null; readonly tracked?: boolean | null } | null
}

interface SetVariant extends VariantFields {
  readonly inventoryQuantities?:
    | readonly { readonly locationId: string; readonly name: string; readonly quantity: number }[]
    | null
}

interface BulkVariant extends VariantFields {
  readonly inventoryQuantities?:
    | readonly { readonly locationId: string; readonly availableQuantity: number }[]
    | null
  readonly quantityAdjustments?:
    | readonly {
        readonly locationId: string
        readonly adjustment?: number | null
        readonly changeFromQuantity?: number | null
      }[]
    | null
}

interface SetInput extends ProductFields {
  readonly productOptions?: readonly OptionInput[] | null
  readonly variants?: readonly SetVariant[] | null
  readonly files?: readonly { readonly originalSource?: string | null; readonly alt?: string | null }[] | null
}

interface Identifier {
  readonly id?: string | null
  readonly handle?: string | null
  readonly customId?: {
    readonly namespace?: string | null
    readonly key: string
    readonly value: string
  } | null
}

interface Media {
  readonly originalSource: string
  readonly alt?: string | null
}

/** A product has so many variants at most */
const VARIANTS_MAX = 2048

/** The mutations of products and their variants. What is wrong with the input is told at once, and then nothing is done. */
export function createProductMutations(
  shop: AdminShop,
  views: Views,
  { later }: { later: (work: () => void) => void },
) {
  const { world } = shop

  return {
    identified,
    productSet,
    productCreate,
    productUpdate,
    productDelete,
    productVariantsBulkCreate,
    productVariantsBulkUpdate,
    productVariantsBulkDelete,
  }

  // ---- productSet ---------------------------------------------------------------------------------------------

  function productSet({
    identifier,
    input,
    synchronous,
  }: {
    identifier?: Identifier | null
    input: SetInput
    synchronous: boolean
  }) {
    if (synchronous) {
      const { product, errors } = upsert(identifier ?? null, input)
      return { product: product && views.product(product), productSetOperation: null, userErrors: errors }
    }
    const errors = setErrors(identifier ? identified(identifier) : null, identifier ?? null, input)
    if (errors.length > 0) return { product: null, productSetOperation: null, userErrors: errors }
    const operation = begin('ProductSetOperation')
    later(() => Object.assign(operation, upsert(identifier ?? null, input), { status: 'COMPLETE' }))
    return { product: null, productSetOperation: views.operation(operation), userErrors: [] }
  }

  function upsert(identifier: Identifier | null, input: SetInput) {
    const known = identifier ? identified(identifier) : null
    const errors = setErrors(known, identifier, input)
    return { product: errors.length > 0 ? null : set(known, identifier, input), errors }
  }

  function identified({ id, handle, customId }: Identifier): Product | null {
    if (id) return shop.product(id)
    if (handle) return shop.products.find((product) => product.handle === handle) ?? null
    if (!customId) return null
    const { key, value } = customId
    const namespace = namespaceOf(customId.namespace)
    const fits = (field: { namespace: string; key: string; value: string }) =>
      field.namespace === namespace && field.key === key && field.value === value
    return shop.products.find(({ other_metafields }) => other_metafields.some(fits)) ?? null
  }

  function setErrors(known: Product | null, identifier: Identifier | null, input: SetInput): UserError[] {
    const at = (...path: (string | number)[]) => ['input', ...path.map(String)]
    if (identifier?.id && !known) {
      return [{ code: 'PRODUCT_DOES_NOT_EXIST', field: at(), message: 'Product does not exist' }]
    }
    const errors: UserError[] = fieldErrors(known, input, ['input']).map((error) => ({
      ...error,
      code: 'INVALID_INPUT',
    }))
    if (input.handle && shop.products.some((other) => other !== known && other.handle === input.handle)) {
      const message = `Handle '${input.handle}' already in use. Please provide a new handle.`
      errors.push({ code: 'HANDLE_NOT_UNIQUE', field: at('handle'), message })
    }
    const { variants, productOptions } = input
    if (variants && !productOptions) {
      const message = 'Product options input is required when updating variants'
      errors.push({ code: 'PRODUCT_OPTIONS_INPUT_MISSING', field: at(), message })
    } else if (productOptions && !variants) {
      const message = 'Variants input is required when updating product options'
      errors.push({ code: 'VARIANTS_INPUT_MISSING', field: at(), message })
    } else if (variants && productOptions) {
      errors.push(...optionErrors(productOptions, at), ...setVariantErrors(known, input, at))
    }
    return errors
  }

  function optionErrors(options: readonly OptionInput[], at: At): UserError[] {
    if (options.length !== 1) {
      const message = 'This fake shop keeps exactly one option for each product'
      return [{ code: 'OPTIONS_OVER_LIMIT', field: at('productOptions'), message }]
    }
    const names = (options[0]?.values ?? []).map(({ name }) => name ?? '')
    if (names.length === 0) {
      const message = 'Option values are missing'
      return [{ code: 'OPTION_VALUES_MISSING', field: at('productOptions', 0, 'values'), message }]
    }
    return repeated(names).map((n) => ({
      code: 'DUPLICATED_OPTION_VALUE',
      field: at('productOptions', 0, 'values', n, 'name'),
      message: `Duplicated option value: ${names[n]}`,
    }))
  }

  function setVariantErrors(known: Product | null, input: SetInput, at: At): UserError[] {
    const variants = input.variants ?? []
    if (variants.length > VARIANTS_MAX) {
      const message = `A product can have ${VARIANTS_MAX} variants at most`
      return [{ code: 'VARIANTS_OVER_LIMIT', field: at('variants'), message }]
    }
    const option = input.productOptions?.[0]
    const values = new Set((option?.values ?? []).map(({ name }) => name))
    const errors: UserError[] = []
    for (const [n, variant] of variants.entries()) {
      const value = variant.optionValues?.[0]
      if (value?.optionName && value.optionName !== option?.name) {
        const message = `Option '${value.optionName}' does not exist`
        errors.push({ code: 'OPTION_DOES_NOT_EXIST', field: at('variants', n, 'optionValues', 0), message })
      } else if (!values.has(value?.name)) {
        const message = `Option value '${value?.name ?? ''}' does not exist`
        errors.push({
          code: 'OPTION_VALUE_DOES_NOT_EXIST',
          field: at('variants', n, 'optionValues', 0),
          message,
        })
      }
      if (variant.id && !known?.variants.some(({ id }) => id === idOf('ProductVariant', variant.id!))) {
        const message = 'Product variant does not exist'
        errors.push({ code: 'PRODUCT_VARIANT_DOES_NOT_EXIST', field: at('variants', n, 'id'), message })
      }
      const fault = priceFault(variant)
      if (fault)
        errors.push({ code: 'INVALID_VARIANT', field: at('variants', n, fault[0]), message: fault[1] })
      errors.push(
        ...setStockErrors(known && meant(known, variant), variant, (...p) => at('variants', n, ...p)),
      )
    }
    const titles = variants.map(({ optionValues }) => optionValues?.[0]?.name ?? '')
    for (const n of repeated(titles)) {
      const message = `The variant '${titles[n]}' already exists. Please change at least one option value.`
      errors.push({ code: 'INVALID_VARIANT', field: at('variants', n), message })
    }
    return errors
  }

  function setStockErrors(known: Variant | null, variant: SetVariant, at: At): UserError[] {
    return (variant.inventoryQuantities ?? []).flatMap(({ locationId, name, quantity }, n): UserError[] => {
      const location = shop.location(locationId)
      const where = (key: string) => at('inventoryQuantities', n, key)
      if (!location) {
        const message = 'The specified location could not be found.'
        return [{ code: 'NOT_FOUND', field: where('locationId'), message }]
      }
      if (name !== 'available' && name !== 'on_hand') {
        const message = "The quantity name must be either 'available' or 'on_hand'."
        return [{ code: 'INVALID_INPUT', field: where('name'), message }]
      }
      if (quantity < 0) {
        return [
          { code: 'INVALID_INPUT', field: where('quantity'), message: "The quantity can't be negative." },
        ]
      }
      if (known && !levelAt(known.item, location)) {
        const message = 'The inventory item is not stocked at the location.'
        return [{ code: 'INVALID_INPUT', field: where('locationId'), message }]
      }
      return []
    })
  }

  function set(known: Product | null, identifier: Identifier | null, input: SetInput): Product {
    const product = known ?? makeProduct(input)
    if (identifier?.handle && !known) product.handle = identifier.handle
    if (input.metafields) clearMetafields(product)
    write(product, input)
    if (input.files) product.images = input.files.map((file) => imageOf(file.originalSource, file.alt))
    if (identifier?.customId && !known) {
      const { namespace, key, value } = identifier.customId
      setMetafield(shop, product, { namespace: namespaceOf(namespace), key, type: 'id', value })
    }
    const before = product.variants
    const changed = setVariants(product, input)
    const gone = before.filter((variant) => !product.variants.includes(variant))
    const fresh = product.variants.filter((variant) => !before.includes(variant))
    for (const variant of gone) variant.removed = true
    shop.tell(
      {
        ...(known ? {} : { created: product }),
        ...changed,
        updated: [product],
        items_created: fresh.map(({ item }) => item),
        items_deleted: gone.map(({ item }) => item),
      },
      { variants: product.variants },
    )
    return product
  }

  /** Makes the product's variants those of the input; where it names none, they stay, and a new product gets its one */
  function setVariants(product: Product, { variants, productOptions }: SetInput) {
    const levels_updated: Level[] = []
    const items_updated: Item[] = []
    if (!variants) {
      if (product.variants.length === 0) product.variants = [standalone(product)]
      return { levels_updated, items_updated }
    }
    product.option_name = productOptions?.[0]?.name ?? product.option_name
    // Before anything is renamed: who is named by id is nobody else's by title
    const named = new Set(variants.map(({ id }) => id && idOf('ProductVariant', id)))
    const matches = variants.map((wanted) => {
      const match = meant(product, wanted)
      return match && !wanted.id && named.has(match.id) ? null : match
    })
    product.variants = variants.map((wanted, n) => {
      const quantities = (wanted.inventoryQuantities ?? []).map(({ locationId, quantity }) => ({
        location: shop.location(locationId)!,
        available: quantity,
      }))
      const known = matches[n]
      const variant = known ?? makeVariant(product, wanted, { position: n + 1, stock: stockOf(quantities) })
      const wasTracked = variant.item.tracked
      variant.position = wanted.position ?? n + 1
      writeVariant(variant, wanted)
      if (!known) return variant
      if (variant.item.tracked !== wasTracked) items_updated.push(variant.item)
      for (const { location, available } of quantities) {
        levels_updated.push(restock(variant, location, available))
      }
      return variant
    })
    return { levels_updated, items_updated }
  }

  /** The variant that an input speaks of: by its id, else by its option value */
  function meant(product: Product, { id, optionValues }: VariantFields): Variant | null {
    const title = optionValues?.[0]?.name
    const gid = id && idOf('ProductVariant', id)
    return product.variants.find((variant) => (gid ? variant.id === gid : variant.title === title)) ?? null
  }

  // ---- productCreate, productUpdate, productDelete ------------------------------------------------------------

  function productCreate({
    product: input,
    media,
  }: {
    product?: (ProductFields & { productOptions?: readonly OptionInput[] | null }) | null
    media?: readonly Media[] | null
  }) {
    if (!input)
      return { product: null, userErrors: [{ field: ['product'], message: "Product can't be blank" }] }
    const errors = fieldErrors(null, input, [])
    if (errors.length > 0) return { product: null, userErrors: errors }
    const product = makeProduct(input)
    write(product, input)
    product.images = (media ?? []).map(({ originalSource, alt }) => imageOf(originalSource, alt))
    const option = input.productOptions?.[0]
    product.option_name = option?.name ?? product.option_name
    const first = standalone(product)
    first.title = option?.values?.[0]?.name ?? first.title
    product.variants = [first]
    shop.tell({ created: product, items_created: [first.item] })
    return { product: views.product(product), userErrors: [] }
  }

  function productUpdate({
    product: input,
    media,
  }: {
    product?: (ProductFields & { id?: string | null }) | null
    media?: readonly Media[] | null
  }) {
    const product = input?.id ? shop.product(input.id) : null
    if (!input || !product) {
      return { product: null, userErrors: [{ field: ['id'], message: 'Product does not exist' }] }
    }
    const errors = fieldErrors(product, input, [])
    if (errors.length > 0) return { product: views.product(product), userErrors: errors }
    write(product, input)
    product.images.push(...(media ?? []).map(({ originalSource, alt }) => imageOf(originalSource, alt)))
    shop.tell({ updated: [product] })
    return { product: views.product(product), userErrors: [] }
  }

  function productDelete({ input, synchronous }: { input: { id: string }; synchronous: boolean }) {
    const product = shop.product(input.id)
    if (!product) {
      const userErrors = [{ field: ['id'], message: 'Product does not exist' }]
      return { deletedProductId: null, productDeleteOperation: null, userErrors }
    }
    const remove = () => {
      product.deleted = true
      shop.tell({ deleted: product, items_deleted: product.variants.map(({ item }) => item) })
    }
    if (synchronous) {
      remove()
      const deletedProductId = gidOf('Product', product.id)
      return { deletedProductId, productDeleteOperation: null, userErrors: [] }
    }
    const operation = begin('ProductDeleteOperation')
    operation.deleted = product
    later(() => {
      if (!product.deleted) remove()
      operation.status = 'COMPLETE'
    })
    return {
      deletedProductId: null,
      productDeleteOperation: views.operation(operation),
      userErrors: [],
    }
  }

  // ---- productVariantsBulk… -----------------------------------------------------------------------------------

  function productVariantsBulkCreate({
    productId,
    variants: inputs,
    strategy,
  }: {
    productId: string
    variants: readonly BulkVariant[]
    strategy: string
  }) {
    const product = shop.product(productId)
    if (!product) return absent()
    const gone = standaloneToRemove(product, strategy)
    const errors = inputs.flatMap((input, n) => createErrors(product, input, n))
    const stay = product.variants.filter((variant) => variant !== gone)
    const titles = [...stay.map(({ title }) => title), ...inputs.map(titleOf)]
    for (const n of repeated(titles)) {
      if (n < stay.length) continue
      const message = `The variant '${titles[n]}' already exists. Please change at least one option value.`
      errors.push({ code: 'VARIANT_ALREADY_EXISTS', field: ['variants', `${n - stay.length}`], message })
    }
    if (errors.length > 0) return { product: views.product(product), productVariants: [], userErrors: errors }
    if (gone) {
      gone.removed = true
      product.option_name = inputs[0]?.optionValues?.[0]?.optionName ?? product.option_name
      if (product.option_name === 'Title') product.option_name = 'Ticket'
    }
    const after = Math.max(0, ...stay.map(({ position }) => position))
    const made = inputs.map((input, n) => {
      const quantities = (input.inventoryQuantities ?? []).map(({ locationId, availableQuantity }) => ({
        location: shop.location(locationId)!,
        available: availableQuantity,
      }))
      const stock = stockOf(quantities)
      const variant = makeVariant(product, input, { position: after + n + 1, stock })
      writeVariant(variant, input)
      return variant
    })
    product.variants = [...stay, ...made]
    shop.tell({
      updated: [product],
      items_created: made.map(({ item }) => item),
      items_deleted: gone ? [gone.item] : [],
    })
    return { product: views.product(product), productVariants: made.map(views.variant), userErrors: [] }
  }

  /** The one variant of a product that ends when others come: by default only where nobody ever named it */
  function standaloneToRemove({ variants }: Product, strategy: string): Variant | null {
    const [only] = variants
    if (!only || variants.length > 1 || strategy === 'PRESERVE_STANDALONE_VARIANT') return null
    return strategy === 'REMOVE_STANDALONE_VARIANT' || only.title === 'Default Title' ? only : null
  }

  function createErrors(product: Product, input: BulkVariant, n: number): UserError[] {
    const at = (...path: (string | number)[]) => ['variants', String(n), ...path.map(String)]
    const errors: UserError[] = []
    const value = input.optionValues?.[0]
    if (!value?.name) {
      const message = "You need to add option values for 'Ticket'"
      errors.push({ code: 'NEED_TO_ADD_OPTION_VALUES', field: at('optionValues'), message })
    }
    const names = [optionName(product), product.option_name]
    if (value?.optionName && !names.includes(value.optionName)) {
      const message = `Option '${value.optionName}' does not exist`
      errors.push({ code: 'INVALID_INPUT', field: at('optionValues', 0, 'optionName'), message })
    }
    const fault = priceFault(input)
    if (fault) errors.push({ code: 'NEGATIVE_PRICE_VALUE', field: at(fault[0]), message: fault[1] })
    for (const [i, { locationId, availableQuantity }] of (input.inventoryQuantities ?? []).entries()) {
      if (!shop.location(locationId)) {
        const message = 'The specified location could not be found.'
        errors.push({
          code: 'TRACKED_VARIANT_LOCATION_NOT_FOUND',
          field: at('inventoryQuantities', i),
          message,
        })
      } else if (availableQuantity < 0) {
        const message = "The quantity can't be negative."
        errors.push({ code: 'GREATER_THAN_OR_EQUAL_TO', field: at('inventoryQuantities', i), message })
      }
    }
    return errors
  }

  function productVariantsBulkUpdate({
    productId,
    variants: inputs,
    allowPartialUpdates,
  }: {
    productId: string
    variants: readonly BulkVariant[]
    allowPartialUpdates: boolean
  }) {
    const product = shop.product(productId)
    if (!product) return absent()
    const found = inputs.map((input) => ({
      input,
      errors: [] as UserError[],
      variant: null as Variant | null,
    }))
    for (const [n, entry] of found.entries()) {
      entry.variant = entry.input.id ? meant(product, entry.input) : null
      entry.errors = updateErrors(product, entry.variant, entry.input, n)
    }
    const errors = found.flatMap((entry) => entry.errors)
    if (errors.length > 0 && !allowPartialUpdates) {
      return { product: views.product(product), productVariants: null, userErrors: errors }
    }
    const good = found.filter((entry) => entry.errors.length === 0)
    const levels: Level[] = []
    const items: Item[] = []
    const changed = good.map(({ input, variant: known }) => {
      const variant = known!
      const { tracked, sku } = variant.item
      writeVariant(variant, input)
      if (variant.item.tracked !== tracked || variant.item.sku !== sku) items.push(variant.item)
      for (const { locationId, adjustment } of input.quantityAdjustments ?? []) {
        const location = shop.location(locationId)!
        const before = levelAt(variant.item, location)?.available ?? 0
        levels.push(restock(variant, location, before + (adjustment ?? 0)))
      }
      return variant
    })
    if (changed.length > 0) {
      shop.tell({ updated: [product], items_updated: items, levels_updated: levels }, { variants: changed })
    }
    return {
      product: views.product(product),
      productVariants: changed.map(views.variant),
      userErrors: errors,
    }
  }

  function updateErrors(
    product: Product,
    variant: Variant | null,
    input: BulkVariant,
    n: number,
  ): UserError[] {
    const at = (...path: (string | number)[]) => ['variants', String(n), ...path.map(String)]
    if (!input.id) {
      const message = 'Product variant is missing ID attribute'
      return [{ code: 'PRODUCT_VARIANT_ID_MISSING', field: at('id'), message }]
    }
    if (!variant) {
      const message = 'Product variant does not exist'
      return [{ code: 'PRODUCT_VARIANT_DOES_NOT_EXIST', field: at('id'), message }]
    }
    if (input.inventoryQuantities) {
      const message =
        'Inventory quantities can only be provided during create. To update inventory for existing variants, use inventoryAdjustQuantities.'
      return [
        {
          code: 'NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE',
          field: at('inventoryQuantities'),
          message,
        },
      ]
    }
    const fault = priceFault(input)
    if (fault) return [{ code: 'NEGATIVE_PRICE_VALUE', field: at(fault[0]), message: fault[1] }]
    const title = input.optionValues?.[0]?.name
    if (title && product.variants.some((other) => other !== variant && other.title === title)) {
      const message = `The variant '${title}' already exists. Please change at least one option value.`
      return [{ code: 'VARIANT_ALREADY_EXISTS', field: at(), message }]
    }
    return (input.quantityAdjustments ?? []).flatMap((change, i): UserError[] => {
      const location = shop.location(change.locationId)
      const level = location && levelAt(variant.item, location)
      const message = 'The inventory item is not stocked at the location.'
      if (!level) return [{ code: 'INVALID_INPUT', field: at('quantityAdjustments', i), message }]
      const from = change.changeFromQuantity
      if (typeof from !== 'number' || from === level.available) return []
      const stale = 'The changeFromQuantity argument no longer matches the persisted quantity.'
      return [{ code: 'INVALID_INPUT', field: at('quantityAdjustments', i), message: stale }]
    })
  }

  function productVariantsBulkDelete({
    productId,
    variantsIds,
  }: {
    productId: string
    variantsIds: readonly string[]
  }) {
    const product = shop.product(productId)
    if (!product) return absent()
    const ids = new Set(variantsIds.map((gid) => idOf('ProductVariant', gid)))
    const gone = product.variants.filter(({ id }) => ids.has(id))
    const refuse = (code: string, message: string) => ({
      product: views.product(product),
      userErrors: [{ code, field: ['variantsIds'], message }],
    })
    if (gone.length < ids.size) {
      const message = 'At least one variant does not belong to the product'
      return refuse('AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT', message)
    }
    if (gone.length === product.variants.length) {
      return refuse('CANNOT_DELETE_LAST_VARIANT', 'Cannot delete the last variant of a product')
    }
    for (const variant of gone) variant.removed = true
    product.variants = product.variants.filter((variant) => !gone.includes(variant))
    for (const [n, variant] of product.variants.entries()) variant.position = n + 1
    shop.tell({ updated: [product], items_deleted: gone.map(({ item }) => item) })
    return { product: views.product(product), userErrors: [] }
  }

  function absent() {
    const userErrors = [
      { code: 'PRODUCT_DOES_NOT_EXIST', field: ['productId'], message: 'Product does not exist' },
    ]
    return { product: null, productVariants: null, userErrors }
  }

  // ---- parts --------------------------------------------------------------------------------------------------

  function begin(kind: Operation['kind']): Operation {
    const operation: Operation = {
      id: world.newId(kind),
      kind,
      status: 'CREATED',
      product: null,
      deleted: null,
      errors: [],
    }
    shop.operations.push(operation)
    return operation
  }

  function fieldErrors(known: Product | null, input: ProductFields, path: readonly string[]): UserError[] {
    const errors: UserError[] = []
    const { title, metafields } = input
    if (known ? title !== undefined && !title?.trim() : !title?.trim()) {
      errors.push({ field: [...path, 'title'], message: "Title can't be blank" })
    }
    if (title && title.length > 255) {
      errors.push({
        field: [...path, 'title'],
        message: 'Title is too long (maximum is 255 characters)',
      })
    }
    for (const [n, { key, value, type }] of (metafields ?? []).entries()) {
      const missing = !key ? 'key' : !value ? 'value' : !type ? 'type' : null
      if (missing) {
        const message = `${missing} can't be blank`
        errors.push({ field: [...path, 'metafields', String(n), missing], message })
      }
      const fault = missing ? null : valueFault(type!, value!)
      if (fault) errors.push({ field: [...path, 'metafields', String(n), 'value'], message: fault })
    }
    return errors
  }

  function makeProduct({ title, handle }: ProductFields): Product {
    const us = world.now_us
    const slug = slugOf(title ?? '') || 'product'
    const taken = (text: string) => shop.products.some((other) => other.handle === text)
    let free = handle || slug
    for (let n = 1; taken(free); n++) free = `${handle || slug}-${n}`
    const product: Product = {
      id: world.newId('Product'),
      title: title ?? '',
      handle: free,
      body_html: '',
      vendor: world.shop.name,
      product_type: '',
      tags: [],
      status: 'active',
      created_us: us,
      updated_us: us,
      images: [],
      fields: { subtitle: null, starts_at: null, ends_at: null, venue: null, per_user_limit: null },
      metafield_ids: {
        subtitle: world.newId('Metafield'),
        starts_at: world.newId('Metafield'),
        ends_at: world.newId('Metafield'),
        venue: world.newId('Metafield'),
        per_user_limit: world.newId('Metafield'),
      },
      other_metafields: [],
      option_id: world.newId('ProductOption'),
      option_name: 'Ticket',
      variants: [],
      deleted: false,
    }
    world.products.push(product)
    shop.published.set(product, new Set())
    return product
  }

  function write(product: Product, input: ProductFields): void {
    product.title = input.title ?? product.title
    product.handle = input.handle ?? product.handle
    product.body_html = input.descriptionHtml ?? product.body_html
    product.product_type = input.productType ?? product.product_type
    product.vendor = input.vendor ?? product.vendor
    if (input.tags) product.tags = [...input.tags]
    if (input.status) product.status = input.status.toLowerCase() as ProductStatus
    for (const { namespace, key, type, value } of input.metafields ?? []) {
      setMetafield(shop, product, {
        namespace: namespaceOf(namespace),
        key: key!,
        type: type!,
        value: value!,
      })
    }
  }

  function imageOf(source: string | null | undefined, alt: string | null | undefined) {
    return {
      id: world.newId('ProductImage'),
      src: source ?? '',
      alt: alt ?? '',
      width: 1600,
      height: 900,
    }
  }

  function standalone(product: Product): Variant {
    return makeVariant(product, {}, { position: 1, stock: stockOf([]) })
  }

  /** Who is not told where to stock a variant stocks nothing of it at the first location */
  function stockOf(quantities: readonly { location: Location; available: number }[]) {
    return quantities.length > 0 ? quantities : [{ location: world.locations[0]!, available: 0 }]
  }

  function makeVariant(
    product: Product,
    input: VariantFields,
    { position, stock }: { position: number; stock: readonly { location: Location; available: number }[] },
  ): Variant {
    const us = world.now_us
    const item: Item = {
      id: world.newId('InventoryItem'),
      sku: '',
      tracked: false,
      created_us: us,
      updated_us: us,
      levels: [],
    }
    for (const { location, available } of stock) shop.stock(item, location, available)
    return {
      id: world.newId('ProductVariant'),
      product,
      item,
      title: titleOf(input) || 'Default Title',
      sku: '',
      price_cents: 0,
      compare_at_price_cents: null,
      position,
      oversell: false,
      created_us: us,
      updated_us: us,
      old_quantity: 0,
      removed: false,
    }
  }

  function writeVariant(variant: Variant, input: VariantFields): void {
    const cents = (text: string) => Math.round(Number(text) * 10 ** world.shop.exponent)
    variant.title = titleOf(input) || variant.title
    if (input.price) variant.price_cents = cents(input.price)
    if (input.compareAtPrice !== undefined) {
      variant.compare_at_price_cents = input.compareAtPrice === null ? null : cents(input.compareAtPrice)
    }
    if (input.inventoryPolicy) variant.oversell = input.inventoryPolicy === 'CONTINUE'
    const sku = input.inventoryItem?.sku ?? input.sku
    if (typeof sku === 'string') {
      variant.sku = sku
      variant.item.sku = sku
    }
    variant.item.tracked = input.inventoryItem?.tracked ?? variant.item.tracked
  }

  function restock(variant: Variant, location: Location, available: number): Level {
    variant.old_quantity = inventoryQuantity(variant.item)
    return shop.stock(variant.item, location, available)
  }
}

type At = (...path: (string | number)[]) => string[]

function titleOf({ optionValues }: VariantFields): string {
  return optionValues?.[0]?.name ?? ''
}

/** The field with a price that is none, and what is wrong with it */
function priceFault({ price, compareAtPrice }: VariantFields): readonly [string, string] | null {
  for (const [field, text] of [
    ['price', price],
    ['compareAtPrice', compareAtPrice],
  ] as const) {
    if (typeof text !== 'string') continue
    if (!/^-?\d+(\.\d+)?$/.test(text)) return [field, 'Price must be a number']
    if (text.startsWith('-')) return [field, 'Price must be greater than or equal to 0']
  }
  return null
}

/** Places of the texts that stood in the list before */
function repeated(texts: readonly string[]): number[] {
  return texts.flatMap((text, n) => (texts.indexOf(text) < n ? [n] : []))
}
