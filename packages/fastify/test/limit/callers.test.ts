import { setTimeout as after } from 'node:timers/promises'
import { testRedis } from '@lockstep/testing'
import type { FastifyRequest } from 'fastify'
import { test } from 'tap'
import { addressList, addressOf, networkOf } from '../../src/limit/address.ts'
import { command, keysIn } from '../session/redis.ts'
import { type AppOptions, openApp } from './rig.ts'

const few = { default: { limit: 3, window: '1h' } } as const

await test('S2 a user has one budget wherever he is; without one the address counts', async (t) => {
  const redis = await testRedis(t)
  const { passed } = await openApp(t, redis.url, { limits: few })
  const ada = { headers: { 'x-user': 'ada' } }
  t.equal(await passed(2, { ...ada, from: '192.0.2.1' }), 2)
  t.equal(await passed(2, { ...ada, from: '198.51.100.7' }), 1, 'one budget on two addresses')
  t.equal(await passed(4, { headers: { 'x-user': 'bob' }, from: '192.0.2.1' }), 3, 'two users on one address')
  t.equal(await passed(4, { from: '192.0.2.1' }), 3, 'and the anonymous there')
  t.equal(
    await passed(4, { headers: { 'x-user': '192.0.2.1' }, from: '192.0.2.9' }),
    3,
    'no user is an address',
  )
})

await test('two of one /64 share a budget; IPv4 written as IPv6 is IPv4', async (t) => {
  const redis = await testRedis(t)
  const { passed } = await openApp(t, redis.url, { limits: few })
  t.equal(await passed(2, { from: '2001:db8:0:1::1' }), 2)
  t.equal(await passed(2, { from: '2001:db8:0:1:ffff:ffff:ffff:ffff' }), 1)
  t.equal(await passed(4, { from: '2001:db8:0:2::1' }), 3)
  t.equal(await passed(2, { from: '203.0.113.5' }), 2)
  t.equal(await passed(2, { from: '::ffff:203.0.113.5' }), 1)
  t.equal(await passed(2, { from: '::ffff:203.0.113.6' }), 2)
  t.equal(await passed(2, { from: 'somewhere' }), 2)
  t.equal(await passed(2, { from: 'elsewhere' }), 1, 'what is no address is one')
  const apart = await openApp(t, redis.url, {
    limits: { default: { limit: 2, window: '1h' }, ipv6Prefix: 128 },
  })
  t.equal(await apart.passed(3, { from: '2001:db8:0:7::1' }), 2)
  t.equal(await apart.passed(3, { from: '2001:db8:0:7::2' }), 2)
})

await test('addresses have one form, and networks are cut at any bit', async (t) => {
  const network = (text: string, bits: number) => {
    const address = addressOf(text)
    return address && networkOf(address, bits)
  }
  t.equal(network('2001:DB8::1', 64), '2001:db8:0:0/64')
  t.equal(network('2001:db8:0:0:0:0:0:1', 64), '2001:db8:0:0/64')
  t.equal(network('2001:db8:ffff:ffff::', 56), '2001:db8:ffff:ff00/56')
  t.equal(network('2001:db8:ffff::', 33), '2001:db8:8000/33')
  t.equal(network('fe80::1%eth0', 64), 'fe80:0:0:0/64')
  t.equal(network('1:2:3:4:5:6:7:8', 128), '1:2:3:4:5:6:7:8/128')
  t.equal(network('::', 64), '0:0:0:0/64')
  t.equal(network('64:ff9b::192.0.2.1', 128), '64:ff9b:0:0:0:0:c000:201/128')
  t.equal(network('::ffff:c000:201', 64), '192.0.2.1')
  t.equal(network('192.0.2.1', 64), '192.0.2.1')
  for (const text of ['', 'unknown', '192.0.2.1:80', '1.2.3', ':::'])
    t.equal(network(text, 64), undefined, text)
  const fail = (problem: string): never => {
    throw new Error(problem)
  }
  for (const wrong of ['x', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '/8', '10.0.0.0/-1']) {
    t.throws(() => addressList([wrong], fail), { message: `allows ${JSON.stringify(wrong)}` }, wrong)
  }
})

await test('X-Forwarded-For counts only from a proxy that is trusted, and only its last hop', async (t) => {
  const redis = await testRedis(t)
  const spoof = (n: number) => ({ headers: { 'x-forwarded-for': `198.51.100.${n}` } })
  const bare = await openApp(t, redis.url, { limits: few })
  const results = await Promise.all([1, 2, 3, 4, 5].map((n) => bare.ask(spoof(n))))
  t.same(
    results.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 200, 429, 429],
    'nobody is trusted',
  )
  await command(bare.link, 'FLUSHALL')
  const behind = await openApp(t, redis.url, { limits: few, server: { trustProxy: ['10.0.0.0/8'] } })
  t.equal(await behind.passed(2, { ...spoof(1), from: '192.0.2.1' }), 2)
  t.equal(await behind.passed(2, { ...spoof(2), from: '192.0.2.1' }), 1, 'not from a stranger')
  const hops = (text: string) => ({ from: '10.0.0.1', headers: { 'x-forwarded-for': text } })
  t.equal(await behind.passed(2, hops('198.51.100.1, 203.0.113.9')), 2)
  t.equal(
    await behind.passed(2, hops('198.51.100.2, 203.0.113.9, 10.0.0.2')),
    1,
    'what the client wrote is not read',
  )
  t.equal(await behind.passed(4, hops('203.0.113.10')), 3, 'another client behind the same proxy')
})

await test('addresses, blocks and users that are allowed are never counted', async (t) => {
  const redis = await testRedis(t)
  const { passed, ask, link } = await openApp(t, redis.url, {
    limits: {
      ...few,
      allow: {
        addresses: ['10.1.0.0/16', '192.0.2.77', '2001:db8:a::/48'],
        user: async (user, request) => user === 'root' && request.url === '/',
      },
    },
  })
  const none = [{ from: '10.1.2.3' }, { from: '::ffff:10.1.2.3' }, { from: '192.0.2.77' }]
  const others = [{ from: '2001:db8:a:b::1' }, { headers: { 'x-user': 'root' } }]
  for (const who of [...none, ...others]) {
    t.equal(await passed(5, who), 5, JSON.stringify(who))
    t.equal((await ask(who)).headers['ratelimit'], undefined)
  }
  t.same(await keysIn(link, '*'), [])
  for (const who of [{ from: '10.2.2.3' }, { from: '192.0.2.78' }, { from: '2001:db8:b::1' }]) {
    t.equal(await passed(5, who), 3, JSON.stringify(who))
  }
  t.equal(await passed(5, { headers: { 'x-user': 'rooty' } }), 3)
  t.equal(await passed(5, { headers: { 'x-user': 'root' }, url: '/elsewhere' }), 3)
})

const KEY = 'k-live-0123456789abcdef'
const byKey: AppOptions = {
  limits: {
    default: { limit: 3, window: '1h', by: 'api-key' },
    apiKey: { header: 'X-API-Key', known: async (key) => key.startsWith('k-live') },
  },
}

await test('an API key has a budget of its own, and is neither in Redis nor in the log', async (t) => {
  const redis = await testRedis(t)
  const { passed, ask, link, logged, app } = await openApp(t, redis.url, byKey)
  const mine = { headers: { 'x-api-key': KEY } }
  t.equal(await passed(2, mine), 2)
  t.equal(await passed(3, { ...mine, from: '198.51.100.1' }), 1)
  t.match(await ask(mine), { status: 429 })
  t.equal(await passed(2, { headers: { 'x-api-key': `${KEY}2` } }), 2)
  const madeUp = await Promise.all([1, 2, 3, 4].map((n) => ask({ headers: { 'x-api-key': `made-up-${n}` } })))
  t.equal(madeUp.filter(({ status }) => status === 200).length, 3, 'keys that nobody knows count by address')
  t.equal(await passed(2), 0, 'as does no key')
  const keys = await keysIn(link, '*')
  t.equal(keys.length, 3)
  t.notOk(
    keys.some((key) => key.includes('k-live') || key.includes('made-up')),
    keys.join(' '),
  )
  t.match(logged(), /incoming request/)
  t.notMatch(logged(), /k-live|made-up/)
  await app.limits.forget('default', { apiKey: KEY })
  t.equal((await keysIn(link, '*')).length, 2)
})

await test('what a user or an address has taken can be freed', async (t) => {
  const redis = await testRedis(t)
  const { passed, app } = await openApp(t, redis.url, {
    limits: { default: { limit: 3, window: '1h', denyCache: false } },
  })
  const ada = { headers: { 'x-user': 'ada' } }
  t.equal(await passed(4, ada), 3)
  t.equal(await passed(4, { from: '2001:db8::1' }), 3)
  await app.limits.forget('default', { user: 'ada' })
  t.equal(await passed(4, ada), 3)
  t.equal(await passed(1, { from: '2001:db8::1' }), 0)
  await app.limits.forget('default', { address: '2001:db8::9' })
  t.equal(await passed(4, { from: '2001:db8::1' }), 3)
  const wrong = { code: 'LOCKSTEP_ROUTE_LIMIT' }
  await t.rejects(app.limits.forget('none', { user: 'ada' }), {
    ...wrong,
    message: /no policy "none" \(default\)/,
  })
  await t.rejects(app.limits.forget('default', { address: 'here' }), {
    ...wrong,
    message: /"here" is no address/,
  })
})

await test('who the user is may be found out late, and by a later hook', async (t) => {
  const redis = await testRedis(t)
  const known = new WeakMap<object, string>()
  const { passed } = await openApp(t, redis.url, {
    limits: {
      policies: {
        late: { limit: 2, window: '1h', hook: 'preHandler' },
        early: { limit: 2, window: '1h' },
      },
      user: async (request) => {
        await after(1)
        return known.get(request)
      },
    },
    routes: (app) => {
      const find = async (request: FastifyRequest) =>
        void known.set(request, String(request.headers['x-user']))
      app.get('/own', { preHandler: find, config: { limit: 'late' } }, async () => 'x')
      app.register(async (routes) => {
        routes.addHook('preHandler', find)
        for (const limit of ['late', 'early']) routes.get(`/${limit}`, { config: { limit } }, async () => 'x')
      })
    },
  })
  const as = (user: string, url: string) => ({ headers: { 'x-user': user }, url })
  t.equal(await passed(3, as('ada', '/late')), 2)
  t.equal(await passed(3, as('bob', '/late')), 2)
  t.equal(await passed(1, as('ada', '/own')), 0, 'also by a hook of the route')
  t.equal(await passed(1, as('eve', '/own')), 1)
  t.equal(await passed(2, as('ada', '/early')), 2)
  t.equal(await passed(2, as('bob', '/early')), 0, 'too early: both are one address')
})
