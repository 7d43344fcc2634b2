import { expect, test } from 'bun:test'
import { declaredRoutes } from '../routes.ts'

test('every route names who may call it', async () => {
  const routes = await declaredRoutes()
  expect(routes.length).toBeGreaterThan(30)
  expect(routes.filter(({ access }) => access === undefined).map(({ name }) => name)).toEqual([])
})

test('what is under /admin is for admins alone', async () => {
  const routes = await declaredRoutes()
  const own = routes.filter(({ path }) => path.startsWith('/admin/') && !path.startsWith('/admin/assets/'))
  expect(own.length).toBeGreaterThan(3)
  expect(own.filter(({ access }) => access !== 'admin').map(({ name }) => name)).toEqual([])
})

test('whoever writes is somebody, or signs up or in', async () => {
  const routes = await declaredRoutes()
  const open = routes.filter(({ method, access }) => method !== 'GET' && access === 'public')
  expect(open.map(({ name }) => name).toSorted()).toEqual(['POST /auth/login', 'POST /auth/signup'])
})

test('what is for whoever has a link says so in its path or its query', async () => {
  const routes = await declaredRoutes()
  const links = routes.filter(({ access }) => access === 'link')
  expect(links.length).toBeGreaterThan(1)
  for (const { name, path, query } of links) {
    expect([name, path.includes(':token') || query.includes('key')]).toEqual([name, true])
  }
})

test('every JSON body has an example', async () => {
  const routes = await declaredRoutes()
  const taking = routes.filter(({ body }) => body !== null)
  expect(taking.length).toBeGreaterThan(9)
  expect(taking.filter(({ body }) => body?.example === undefined).map(({ name }) => name)).toEqual([])
})
