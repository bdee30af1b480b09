import { createCache, memoryTransport } from '@lockstep/cache'
import { recordingLogger } from '@lockstep/testing'
import { fastify } from 'fastify'
import { test } from 'tap'
import { cachePlugin, healthPlugin, type RouteCacheOptions, useCache } from '../../src/index.ts'

const newCache = () => createCache({ transport: memoryTransport(), logger: recordingLogger() })
const answer = async () => 'x'

await test('the instance has the cache object, by a name of its own, and closes it before what it stands on', async (t) => {
  const closed: string[] = []
  const cache = { ...newCache(), close: async () => void closed.push('cache') }
  const app = fastify()
  app.addHook('onClose', async () => void closed.push('redis'))
  app.register(cachePlugin, { cache })
  app.register(async (routes) => {
    t.equal(routes.lockstep, cache)
    routes.get('/late', { config: { cache: { ttl: '1m' } } }, answer)
  })
  await app.ready()
  t.match(
    (await app.inject('/late')).headers['cache-status'],
    /lockstep-l1/,
    'routes that come after it are cached',
  )
  await app.close()
  t.same(closed, ['cache', 'redis'])

  const named = fastify()
  t.teardown(() => named.close())
  useCache(named, { cache: newCache(), as: 'memory' })
  t.ok(named.hasDecorator('memory'))
  t.notOk(named.hasDecorator('lockstep'))
})

await test('a config.cache that cannot be is refused when the route is added', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  const add = (cache: RouteCacheOptions, url = '/a') => app.get(url, { config: { cache } }, answer)
  const wrong: [RouteCacheOptions, RegExp][] = [
    [{ ttl: -1 }, /ttl must be milliseconds/],
    [{ ttl: '1m', name: 'Shouting' }, /lower case/],
    [{ ttl: '1m', version: 1.5 }, /version/],
    [{ ttl: '1m', vary: ['accept language'] }, /vary names "accept language"/],
    [{ ttl: '1m', cacheControl: 'no-store' }, /leave config.cache out/],
    [Object.assign({ ttl: 1000 }, { tag: 'x' }), /there is no option tag/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => add(options), { code: 'LOCKSTEP_ROUTE_CACHE', message }, String(message))
  }
  add({ ttl: '1m' }, '/books/:id')
  t.throws(() => add({ ttl: '1m' }, '/books/id'), { code: 'LOCKSTEP_ROUTE_CACHE', message: /already/ })
  add({ ttl: '1m', name: 'other' }, '/books/id')
  const config = { cache: { ttl: '1m' } } as const
  for (const method of ['POST', 'HEAD', ['GET', 'HEAD']] as const) {
    const route = { method: [method].flat(), url: '/b', config, handler: answer }
    t.throws(() => app.route(route), { code: 'LOCKSTEP_ROUTE_CACHE', message: /only a route for GET/ })
  }
})

await test('tenants do not see each other', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache(), tenant: ({ headers }) => String(headers['x-tenant']) })
  app.get('/who', { config: { cache: { ttl: '1m' } } }, async ({ headers }) => ({ who: headers['x-tenant'] }))
  await app.ready()
  for (const tenant of ['a', 'b', 'a/', 'b']) {
    const { body } = await app.inject({ url: '/who', headers: { 'x-tenant': tenant } })
    t.equal(body, JSON.stringify({ who: tenant }))
  }
})

await test('hooks run for every request: what they refuse is not answered from the cache', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  app.addHook('preHandler', async ({ headers }, reply) => {
    if (headers['x-key'] !== 'right') await reply.code(403).send('no')
  })
  app.get('/guarded', { config: { cache: { ttl: '1m' } } }, answer)
  await app.ready()
  const get = (key: string) => app.inject({ url: '/guarded', headers: { 'x-key': key } })
  t.equal((await get('right')).statusCode, 200)
  t.equal((await get('wrong')).statusCode, 403)
})

await test('onSend hooks see what is sent from memory, too', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  app.register(async (routes) => {
    routes.addHook('onSend', async (_request, _reply, payload) => `<${String(payload)}>`)
    routes.get('/seen', { config: { cache: { ttl: '1m' } } }, answer)
  })
  await app.ready()
  t.equal((await app.inject('/seen')).body, '<x>')
  t.match(await app.inject('/seen'), { body: '<x>', headers: { 'cache-status': /^lockstep-l1; hit/ } })
})

await test('an answer from memory closes its connection, too, while the service drains', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  await app.register(healthPlugin, { service: 'books', checks: [] })
  app.get('/drained', { config: { cache: { ttl: '1m' } } }, answer)
  await app.ready()
  await app.inject('/drained')
  t.not((await app.inject('/drained')).headers.connection, 'close')
  app.draining = true
  t.match((await app.inject('/drained')).headers, {
    connection: 'close',
    'cache-status': /^lockstep-l1; hit/,
  })
})

await test('what hooks have set is sent with an answer from memory, unless it has its own', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-hook', 'set').header('x-own', 'overridden').header('set-cookie', ['a=1', 'b=2'])
    reply.raw.setHeader('x-raw', 'set')
  })
  app.get('/own', { config: { cache: { ttl: '1m' } } }, async (_request, reply) => {
    reply.header('x-own', 'kept').header('link', ['<a>', '<b>'])
    return 'y'
  })
  await app.ready()
  const first = await app.inject('/own')
  const second = await app.inject('/own')
  t.match(second.headers['cache-status'], /^lockstep-l1; hit/)
  const same = ['x-hook', 'x-own', 'x-raw', 'set-cookie', 'link', 'etag', 'content-type', 'content-length']
  for (const name of same) t.same(second.headers[name], first.headers[name], name)
  t.match(second, { body: 'y', headers: { 'x-own': 'kept', 'x-hook': 'set', 'content-length': '1' } })
})

await test('a status that the handler chose stays with the error that it throws', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  useCache(app, { cache: newCache() })
  app.get('/teapot', { config: { cache: { ttl: '1m' } } }, async (_request, reply) => {
    reply.code(418)
    throw new Error('teapot')
  })
  await app.ready()
  t.match((await app.inject('/teapot')).json(), { statusCode: 418, message: 'teapot' })
})
