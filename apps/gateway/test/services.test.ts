import type { RequestListener } from 'node:http'
import type { Teardown } from '@lockstep/testing'
import { test } from 'tap'
import Type from 'typebox'
import Value from 'typebox/value'
import { collectDocs } from '../src/docs/collect.ts'
import { openReplicas } from '../src/exchange.ts'
import { Upstreams } from '../src/upstreams.ts'
import { gatewayTo, upstream } from './rig.ts'

const PREFIXES: Record<string, string[]> = {
  catalog: ['/'],
  users: ['/users', '/auth', '/profile', '/sessions'],
  orders: ['/orders', '/stock'],
  activity: ['/leaderboard', '/inbox', '/feed', '/notifications', '/events'],
}

/** Says which service it is, and what it was asked. */
const saying =
  (name: string): RequestListener =>
  ({ url, method }, response) =>
    response.end(`${name} ${method} ${url}`)

async function shop(t: Teardown, listeners: Record<string, RequestListener> = {}): Promise<string> {
  const services = await Promise.all(
    Object.entries(PREFIXES).map(async ([name, prefixes]) => {
      const { url } = await upstream(t, listeners[name] ?? saying(name))
      return { name, prefixes, upstreams: [url] }
    }),
  )
  return gatewayTo(t, services)
}

await test('A1 A3 A4 A5 each address goes to its service: the longest prefix wins, the rest is the catalogue', async (t) => {
  const address = await shop(t)
  const expected = {
    '/books/42?a=b': 'catalog GET /books/42?a=b',
    '/': 'catalog GET /',
    '/users': 'users GET /users',
    '/users/17': 'users GET /users/17',
    '/usersandmore': 'catalog GET /usersandmore',
    '/auth/token': 'users GET /auth/token',
    '/orders/1/history': 'orders GET /orders/1/history',
    '/stock/7': 'orders GET /stock/7',
    '/feed': 'activity GET /feed',
    '/%6frders/1': 'orders GET /%6frders/1',
    '/orders%2f1': 'catalog GET /orders%2f1',
    '/services': 'catalog GET /services',
    '/services/nobody/books': 'catalog GET /services/nobody/books',
  }
  for (const [path, said] of Object.entries(expected)) {
    t.equal(await (await fetch(address + path)).text(), said)
  }
})

await test('A2 every service is there as a whole, its prefix taken away', async (t) => {
  const address = await shop(t)
  const expected = {
    '/services/users/cache/stats': 'users GET /cache/stats',
    '/services/orders/health?x=1': 'orders GET /health?x=1',
    '/services/activity': 'activity GET /',
    '/services/activity/': 'activity GET /',
    '/services/catalog/livez': 'catalog GET /livez',
    '/%73ervices/users/a%2Fb': 'users GET /a%2Fb',
    '/services/users//x': 'users GET //x',
    '/services/users/services/orders': 'users GET /services/orders',
  }
  for (const [path, said] of Object.entries(expected)) {
    t.equal(await (await fetch(address + path)).text(), said)
  }
})

const documentOf = (own: object): RequestListener => {
  const text = JSON.stringify({ openapi: '3.1.0', info: { title: 'A', description: 'an A' }, ...own })
  return (_request, response) => response.setHeader('content-type', 'application/json').end(text)
}

const Operation = Type.Object({
  tags: Type.Optional(Type.Array(Type.String())),
  security: Type.Optional(Type.Unknown()),
})
const Shown = Type.Object({
  info: Type.Object({ description: Type.String() }),
  paths: Type.Record(
    Type.String(),
    Type.Object({
      get: Type.Optional(Operation),
      post: Type.Optional(Operation),
      parameters: Type.Optional(Type.Unknown()),
    }),
  ),
  components: Type.Object({
    schemas: Type.Record(Type.String(), Type.Object({ items: Type.Optional(Type.Unknown()) })),
    securitySchemes: Type.Unknown(),
  }),
})

const bearer = { type: 'http', scheme: 'bearer' }

await test('one OpenAPI document of all services, each path where the gateway has it', async (t) => {
  const schemaOf = (type: string) => ({
    'def-0': { type },
    Page: { type: 'array', items: { $ref: '#/components/schemas/def-0' } },
  })
  const address = await shop(t, {
    catalog: documentOf({
      paths: {
        '/books/{id}': {
          get: { tags: ['books'], responses: { 200: { $ref: '#/components/schemas/def-0' } } },
        },
        '/health': { get: {} },
        '/users': { get: { summary: 'not the users of the gateway' } },
      },
      components: { schemas: schemaOf('string') },
    }),
    users: documentOf({
      paths: {
        '/users/{id}': { get: { operationId: 'user', security: [{ bearer: [] }, { odd: [] }] } },
        '/cache/stats': { get: {} },
      },
      components: { schemas: schemaOf('object'), securitySchemes: { bearer, odd: { type: 'a' } } },
    }),
    orders: documentOf({
      security: [{ odd: [] }],
      paths: { '/orders': { post: {}, parameters: [] } },
      components: { securitySchemes: { bearer, odd: { type: 'b' } } },
    }),
    activity: (_request, response) => response.writeHead(500).end(),
  })
  const answer = await fetch(`${address}/docs/json`)
  const { paths, components, info } = Value.Parse(Shown, await answer.json())
  t.match(answer.headers.get('content-type'), /json/)
  t.same(Object.keys(paths).toSorted(), [
    '/books/{id}',
    '/orders',
    '/services/catalog/health',
    '/services/catalog/users',
    '/services/users/cache/stats',
    '/users/{id}',
  ])
  t.match(paths['/books/{id}']?.get, {
    tags: ['catalog: books'],
    responses: { 200: { $ref: '#/components/schemas/catalog.def-0' } },
  })
  t.same(components.schemas['catalog.def-0'], { type: 'string' })
  t.same(components.schemas['users.def-0'], { type: 'object' })
  t.same(components.schemas['users.Page']?.items, { $ref: '#/components/schemas/users.def-0' })
  t.same(components.securitySchemes, {
    bearer,
    session: { type: 'apiKey', in: 'cookie', name: 'session' },
    odd: { type: 'a' },
    'orders.odd': { type: 'b' },
  })
  t.same(paths['/users/{id}']?.get, {
    operationId: 'users.user',
    tags: ['users'],
    security: [{ bearer: [] }, { odd: [] }],
  })
  t.same(paths['/orders']?.post?.security, [{ 'orders.odd': [] }], 'what holds for a whole document')
  t.same(paths['/orders']?.parameters, [])
  t.match(info.description, /missing: activity/)
})

await test('the page of the documentation, and those of the services', async (t) => {
  const address = await shop(t, { users: documentOf({}) })
  for (const path of ['/docs', '/docs/']) {
    const page = await fetch(address + path)
    t.match(page.headers.get('content-type'), /text\/html/)
    const script = /src="([^"]*swagger-initializer\.js)"/.exec(await page.text())?.[1] ?? ''
    t.match(await (await fetch(new URL(script, `${address}/docs/`))).text(), /\.\/json|docs\/json/)
  }
  t.equal(await (await fetch(`${address}/services/orders/docs`)).text(), 'orders GET /docs')
})

await test('a service that answered once is shown as it was when it is away; what it says anew is shown soon', async (t) => {
  let title = 'first'
  let away = false
  const { url } = await upstream(t, (_request, response) => {
    if (away) response.destroy()
    else response.end(JSON.stringify({ openapi: '3.1.0', info: { title }, paths: {} }))
  })
  const replicas = openReplicas(30_000)
  t.teardown(() => replicas.close())
  const clock = { now: 0 }
  const collected = collectDocs(
    [{ name: 'catalog', prefixes: ['/'], upstreams: new Upstreams([url]) }],
    replicas,
    () => clock.now,
  )
  const shown = async () => JSON.stringify(await collected())
  t.match(await shown(), /first/)
  title = 'second'
  t.match(await shown(), /first/, 'for a moment')
  clock.now += 5_000
  t.match(await shown(), /second/)
  away = true
  clock.now += 5_000
  t.match(await shown(), /second/)
})
