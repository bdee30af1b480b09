import { fileURLToPath } from 'node:url'
import type { Cache } from '@lockstep/cache'
import { createLimiter, createLocks } from '@lockstep/coordination'
import { openValues } from '@lockstep/redis'
import {
  recordingLogger,
  startService,
  type Teardown,
  testCluster,
  testRedis,
  until,
} from '@lockstep/testing'
import { test } from 'tap'
import { KEY, OPERATOR, open } from '../caller/rig.ts'
import { openReplica } from './replica.ts'

const authorization = `Bearer ${OPERATOR}`

const shelf = (cache: Cache, name: string) =>
  cache.define({
    name,
    version: 1,
    key: (id: number) => id,
    load: async (id) => `${name} ${id}`,
    ttl: '1h',
    tags: (_book, id) => ['all', id < 3 ? 'author:Jorge Luis Borges' : 'author:Ana'],
  })

/** A service with two caches of its own, and another service on the same Redis and prefix. */
async function openFleet(t: Teardown, env: Record<string, string>) {
  const service = await open(t, env)
  const other = await open(t, { ...env, SERVICE_ID: 'other' })
  const [books, films] = ['books', 'films'].map((name) => shelf(service.cache, name))
  const users = shelf(other.cache, 'users')
  if (!books || !films) throw new Error('no caches')
  await until('both are live', () => service.cache.live && other.cache.live)
  const call = async (
    method: 'GET' | 'DELETE',
    url: string,
    headers: Record<string, string> = { authorization },
  ) => {
    const { statusCode: status, body, headers: answered } = await service.app.inject({ method, url, headers })
    return { status, headers: answered, body: JSON.parse(body) }
  }
  return {
    ...service,
    other,
    books,
    films,
    users,
    call,
    clear: (query: string) => call('DELETE', `/cache/clear?${query}`),
    async fill() {
      for (const cache of [books, films, users]) {
        await cache.getMany([1, 2, 3])
        await until(
          `${cache.name} lies in Redis`,
          async () => (await names(service.redis)).filter((name) => name.startsWith(cache.name)).length === 3,
        )
      }
    },
  }
}

/** Everything that lies in Redis, without the root of the shard. */
async function names(redis: { scan(match: string): AsyncIterable<string[]> }): Promise<string[]> {
  const found = new Set<string>()
  for await (const page of redis.scan('*'))
    for (const key of page) found.add(key.replace(/^shop:\{\d+\}:/, ''))
  return [...found].toSorted()
}

await test('A2 K4 clearing on one Redis', async (t) => {
  const server = await testRedis(t)
  const fleet = await openFleet(t, { REDIS_URL: server.url, REDIS_COMMAND_TIMEOUT: '2s' })
  const { clear, fill, books, users, redis, app, call } = fleet
  const whole = { complete: true, outcome: 'applied' }
  const left = async (cache: string) => (await names(redis)).filter((name) => name.startsWith(`${cache}:`))

  await t.test('by pattern, tag or cache, each with the count of what Redis held', async (t) => {
    await fill()
    t.match(await clear('pattern=*:v1:3'), { status: 200, body: { pattern: '*:v1:3', removed: 2, ...whole } })
    t.same(await left('books:v1'), ['books:v1:1', 'books:v1:2'])
    t.match(await clear('tag=author:Jorge%20Luis%20Borges'), { status: 200, body: { removed: 4, ...whole } })
    t.same(await left('books:v1'), [])
    await fill()
    t.match(await clear('cache=books:v1'), { status: 200, body: { cache: 'books:v1', removed: 3, ...whole } })
    t.same(await left('films:v1'), ['films:v1:1', 'films:v1:2', 'films:v1:3'])
    t.match(await clear('tag=nobody'), { status: 200, body: { removed: 0, ...whole } })
    t.match(await clear('cache=users:v1'), { status: 404, body: { code: 'CACHE_NOT_FOUND' } })
    t.match(await clear('cache=toString'), { status: 404, body: { code: 'CACHE_NOT_FOUND' } })
  })

  await t.test(
    'K9 no pattern reaches locks, limits, sessions, values, or the caches of another service',
    async (t) => {
      const around = { redis, prefix: 'shop', logger: recordingLogger() }
      const locks = createLocks(around)
      t.teardown(() => locks.close())
      const lock = await locks.acquire('order:42', { ttl: '1m' })
      const named = await locks.acquire('v1:42', { ttl: '1m' })
      const policy = createLimiter(around).policy({
        name: 'v1',
        tiers: [{ limit: 1, window: '1h' }],
        denyCache: false,
      })
      t.match(await policy.consume('42'), { allowed: true })
      await openValues(redis, { prefix: 'shop' }).set('v1:42', 'kept', { ttl: '1h' })
      const loggedIn = await app.inject({ method: 'POST', url: '/login' })
      const cookie = String(loggedIn.headers['set-cookie']).split(';')[0] ?? ''
      await fill()
      const foreign = (await names(redis)).filter((name) => !/^(?:books|films):v1:/.test(name))
      for (const kind of ['lock:', 'limit:', 'value:', 'sessions:', 'users:v1:', 'head', 'log', 'markers']) {
        t.ok(
          foreign.some((name) => name.startsWith(kind)),
          `${kind} is there to be lost`,
        )
      }
      const attempts = [
        '*',
        '**',
        '?*',
        'l*',
        'lock:*',
        '*42*',
        's*',
        'users:*',
        'users:v1:1',
        '[lsuv]*',
        '[^b]*',
        'head',
        'shop:*',
        '../*',
        '}:*',
        String.raw`\*`,
        '*}*',
      ]
      for (const attempt of attempts) {
        const cleared = await clear(`pattern=${encodeURIComponent(attempt)}`)
        t.equal(cleared.status, 200, attempt)
        await fill()
      }
      t.match(await clear('tag=users:v1'), { body: { removed: 0 } })
      const after = await names(redis)
      t.same(
        foreign.filter((name) => !after.includes(name)),
        [],
      )
      t.match(await users.read(1), { from: 'l1' }, 'also in memory')
      t.ok(lock.held && named.held)
      t.match(await policy.consume('42'), { allowed: false })
      t.equal((await app.inject({ url: '/admin', headers: { cookie } })).statusCode, 200)
      t.equal((await call('GET', '/cache/stats', { cookie })).status, 200, 'a session of an admin will do')
    },
  )

  await t.test('exactly one of them, once, of a sane length, and complete', async (t) => {
    await fill()
    const wrong: [query: string, field: string][] = [
      ['', 'query'],
      ['all=true', 'query'],
      ['pattern=*&tag=all', 'query'],
      ['tag=all&cache=books:v1', 'query'],
      ['pattern=a&pattern=b', 'query.pattern'],
      ['pattern[]=a', 'query'],
      ['tag=a&tag=b', 'query.tag'],
      ['pattern=', 'query.pattern'],
      ['pattern=%00', 'query.pattern'],
      ['pattern=a%0a*', 'query.pattern'],
      ['pattern=a%20b', 'query.pattern'],
      ['pattern=%5B', 'query.pattern'],
      ['pattern=books:v1:%5B1', 'query.pattern'],
      ['pattern=*%5C', 'query.pattern'],
      ['pattern=[]', 'query.pattern'],
      [`pattern=${'*'.repeat(201)}`, 'query.pattern'],
      ['tag=', 'query.tag'],
      ['tag=a%0ab', 'query.tag'],
    ]
    for (const [query, field] of wrong) {
      t.match(
        await clear(query),
        { status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } },
        query,
      )
    }
    t.equal((await left('books:v1')).length, 3, 'nothing was cleared')
    t.match(await clear('pattern=%252a'), { body: { pattern: '%2a', removed: 0 } }, 'decoded once')
    t.match(await clear('pattern=books:v1:%5B1-2%5D'), { body: { removed: 2 } })
    t.match(
      await clear(`pattern=${'a*'.repeat(99)}b`),
      { status: 200, body: { removed: 0 } },
      'and soon done',
    )
  })

  await t.test('who is no admin is told nothing, and nothing happens', async (t) => {
    await fill()
    const { tokens } = fleet
    const bearer = async (user: string, roles: string[]) =>
      `Bearer ${(await tokens.issue({ user, roles, generation: await app.sessions.generation(user) })).token}`
    const cases: [string, Record<string, string>, number][] = [
      ['nobody', {}, 401],
      ['a forged token', { authorization: 'Bearer x.y.z' }, 401],
      ['a user', { authorization: await bearer('17', []) }, 403],
      [
        'a service',
        { authorization: `Bearer ${(await tokens.issue({ user: 'orders', roles: ['service'] })).token}` },
        403,
      ],
    ]
    for (const [who, headers, status] of cases) {
      for (const [method, url] of [
        ['GET', '/cache/stats'],
        ['DELETE', '/cache/clear?pattern=*'],
        ['DELETE', '/cache/clear?pattern=a&pattern=b'],
        ['GET', '/cache/redis'],
        ['GET', '/cache/connections'],
      ] as const) {
        t.match(await call(method, url, headers), { status }, `${method} ${url} by ${who}`)
      }
    }
    t.equal((await left('books:v1')).length, 3)
    const admin = { authorization: await bearer('1', ['admin']) }
    t.match(await call('GET', '/cache/stats', admin), {
      status: 200,
      headers: { 'cache-control': 'no-store' },
    })
  })

  await t.test('K11 stats by tier and by cache, with hit rates to two decimals', async (t) => {
    await clear('pattern=*')
    const before = (await call('GET', '/cache/stats')).body
    for (const id of [7, 7, 7]) await books.get(id)
    const { body } = await call('GET', '/cache/stats')
    t.equal(body.caches['books:v1'].hits.l1, before.caches['books:v1'].hits.l1 + 2)
    for (const rate of [body.hitRate, body.redis.hitRate, body.caches['books:v1'].hitRate]) {
      t.ok(rate > 0 && rate < 100 && Number((rate * 100).toFixed(6)) % 1 === 0, String(rate))
    }
    t.equal(body.caches['http-none'], undefined)
  })

  await t.test('M2 INFO by section, as JSON; nothing else is ever asked', async (t) => {
    for (const [section, fields] of [
      ['server', { redis_version: /^\d/, uptime_in_seconds: Number, run_id: /^[0-9a-f]{40}$/ }],
      ['clients', { connected_clients: Number }],
      ['memory', { used_memory: Number, used_memory_human: String, maxmemory_policy: String }],
      ['stats', { instantaneous_ops_per_sec: Number, keyspace_hits: Number }],
      ['commandstats', { cmdstat_get: { calls: Number, usec_per_call: Number } }],
      ['keyspace', { db0: { keys: Number, expires: Number } }],
      ['replication', { role: 'master' }],
    ] as const) {
      t.match(await call('GET', `/cache/redis?section=${section}`), {
        status: 200,
        body: { section, primaries: [fields] },
      })
    }
    t.match((await call('GET', '/cache/redis')).body, { section: 'server' })
    for (const wrong of ['all', 'everything', '', 'server%0d%0aFLUSHALL', 'server&section=stats', 'SERVER']) {
      t.equal((await call('GET', `/cache/redis?section=${wrong}`)).status, 400, wrong)
    }
  })

  await t.test('M2 what happened to the connections', async (t) => {
    const { body } = await call('GET', '/cache/connections')
    t.match(body, {
      topology: 'single',
      available: true,
      commands: { connected: 1, ready: 1, lost: 0, restored: 0 },
      subscriber: { connected: 1, ready: 1 },
      topologyChanges: 0,
    })
    await server.kill()
    await until('it is noticed', () => !redis.available)
    t.match((await call('GET', '/cache/connections')).body, { available: false, commands: { lost: 1 } })
    t.match(await call('GET', '/cache/redis'), {
      status: 503,
      body: { code: 'REDIS_UNAVAILABLE' },
      headers: { 'retry-after': '1' },
    })
    t.match(await clear('pattern=*'), {
      status: 200,
      body: { outcome: 'pending', complete: false, removed: 0 },
    })
  })
})

await test('K4 M2 the same on a Cluster: every shard, every primary', async (t) => {
  const cluster = await testCluster(t)
  const nodes = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const { clear, fill, call, redis } = await openFleet(t, {
    REDIS_URL: '',
    REDIS_CLUSTER_NODES: nodes,
    REDIS_COMMAND_TIMEOUT: '2s',
  })
  await fill()
  t.match((await clear('tag=author:Ana')).body, { removed: 2, complete: true })
  t.match((await clear('pattern=books:v1:?')).body, { removed: 2, complete: true })
  t.match((await clear('cache=films:v1')).body, { removed: 2, complete: true })
  t.same(
    (await names(redis)).filter((name) => /^(?:books|films)/.test(name)),
    [],
  )
  t.equal((await call('GET', '/cache/redis?section=server')).body.primaries.length, 3)
  t.match((await call('GET', '/cache/connections')).body, { topology: 'cluster', available: true })
})

await test('A2 every use is logged with who, what and the outcome, and every refusal', async (t) => {
  const server = await testRedis(t)
  const process = await startService(
    t,
    fileURLToPath(new URL('../fixtures/admin-service.ts', import.meta.url)),
    {
      REDIS_URL: server.url,
      TOKEN_KEY: KEY,
      SESSION_COOKIE_SECRET: KEY,
      ADMIN_TOKEN: OPERATOR,
    },
  )
  const ask = (method: string, path: string, headers = {}) =>
    fetch(`${process.url}${path}`, { method, headers })
  await ask('DELETE', '/cache/clear?tag=author:Ana', { authorization })
  await ask('GET', '/cache/redis?section=memory', { authorization })
  await ask('DELETE', '/cache/clear?pattern=%5B', { authorization })
  await ask('DELETE', '/cache/clear?pattern=*', { authorization: 'Bearer guess-of-a-stranger' })
  const lines = () =>
    process
      .output()
      .split('\n')
      .filter((line) => line.includes('admin route'))
      .map((line): unknown => JSON.parse(line))
  await until('all is logged', () => lines().length === 4)
  t.match(lines(), [
    {
      who: 'operator',
      use: 'DELETE /cache/clear',
      query: { tag: 'author:Ana' },
      status: 200,
      removed: 0,
      outcome: /./,
    },
    { who: 'operator', use: 'GET /cache/redis', query: { section: 'memory' }, status: 200 },
    { who: 'operator', use: 'DELETE /cache/clear', query: { pattern: '[' }, status: 400 },
    { msg: 'admin route refused', use: 'DELETE /cache/clear', status: 401, address: '127.0.0.1' },
  ])
  t.notMatch(process.output(), OPERATOR)
  t.notMatch(process.output(), 'guess-of-a-stranger')
})

await test('A2 where no callers are known, the token decides alone', async (t) => {
  const { app, cache } = openReplica(t, 'redis://127.0.0.1:1')
  const { cacheAdminPlugin } = await import('../../src/index.ts')
  app.register(cacheAdminPlugin, { cache, token: OPERATOR })
  t.equal((await app.inject({ url: '/cache/stats' })).statusCode, 401)
  t.match((await app.inject({ url: '/cache/stats', headers: { authorization } })).json(), {
    redis: { absent: 'this service has no Redis' },
  })
  t.equal((await app.inject({ url: '/cache/redis', headers: { authorization } })).statusCode, 404)
})
