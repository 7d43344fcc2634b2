import { expectTypeOf, test } from 'bun:test'
import type { App } from '../../src/app.ts'
import type { bookingBody, checkinBody, orderBody, ticketsQuery } from '../../src/sales/model.ts'

// What a typed client knows of the routes. The compiler decides here (`bun run types`): where a flow is composed in a way
// that loses its types, everything becomes unknown, and a wrong call would pass.

type Routes = App['~Routes']

test('a client knows every flow by its paths', () => {
  expectTypeOf<
    'auth' | 'admin' | 'bookings' | 'checkin' | 'docs' | 'events' | 'orders' | 'tickets' | 'webhooks'
  >().toExtend<keyof Routes>()
  // A type that takes any path knows none.
  expectTypeOf<'nowhere'>().not.toExtend<keyof Routes>()
})

test('it knows what each route takes, as the schemas say', () => {
  expectTypeOf<Routes['orders']['post']['body']>().toEqualTypeOf<typeof orderBody.static>()
  expectTypeOf<Routes['bookings']['post']['body']>().toEqualTypeOf<typeof bookingBody.static>()
  expectTypeOf<Routes['checkin']['post']['body']>().toEqualTypeOf<typeof checkinBody.static>()
  expectTypeOf<Routes['orders'][':id']['tickets']['get']['query']>().toEqualTypeOf<
    typeof ticketsQuery.static
  >()
  expectTypeOf<Routes['orders'][':id']['get']['params']>().toEqualTypeOf<{ id: string }>()
})

test('it refuses what a route would refuse', () => {
  type Order = Routes['orders']['post']['body']
  expectTypeOf<{ items: [{ ticket_id: number; qty: number }] }>().toExtend<Order>()
  expectTypeOf<{ items: [{ ticket_id: number; qty: string }] }>().not.toExtend<Order>()
  expectTypeOf<{ client_token: string }>().not.toExtend<Order>()
})
