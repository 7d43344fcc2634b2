// A bare Bun.serve that takes every call for a change of an event and says at once that it was made: a Shopify that takes no time.
//
//   bun bench/limits/admin.ts      prints the port it listens on

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  development: false,
  async fetch(request) {
    const { variables } = (await request.json()) as { variables: { product?: { id?: string } } }
    const id = variables.product?.id ?? ''
    const product = { id, handle: 'event', status: 'ACTIVE', updatedAt: '2000-01-01T00:00:00Z' }
    return Response.json({
      data: { productUpdate: { product, userErrors: [] } },
      extensions: { cost: { requestedQueryCost: 11, actualQueryCost: 11, throttleStatus: points } },
    })
  },
})

// More than anybody can take.
const points = { maximumAvailable: 1_000_000, currentlyAvailable: 1_000_000, restoreRate: 100_000 }

process.stdout.write(`${server.port}\n`)
