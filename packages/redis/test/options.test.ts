import { readSettings } from '@lockstep/settings'
import { recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { placeOf } from '../src/address.ts'
import { openRedis, RedisSettings } from '../src/index.ts'
import { clusterOptions, sentinelOptions, singleOptions } from '../src/options.ts'

const read = (env: Record<string, string>) => readSettings(RedisSettings, env)

function single(env: Record<string, string>, random?: () => number) {
  const settings = read(env)
  const place = placeOf(settings)
  if (place.topology !== 'single') throw new Error(`not a single Redis: ${place.topology}`)
  return singleOptions(settings, place.address, 'catalog-1', random)
}

await test('C2 an address as an URL', async (t) => {
  const { options, endpoint } = single({ REDIS_URL: 'rediss://app:p%40ss@cache.example:7000/3' })
  t.match(options, {
    host: 'cache.example',
    port: 7000,
    db: 3,
    username: 'app',
    password: 'p@ss',
    tls: {},
    connectionName: 'catalog-1',
  })
  t.equal(endpoint, 'cache.example:7000/3', 'no password in what is logged')
})

await test('C2 an address in parts', async (t) => {
  const { options } = single({
    REDIS_HOST: 'h',
    REDIS_PORT: '1',
    REDIS_DB: '2',
    REDIS_PASSWORD: 'x',
    REDIS_TLS: 'true',
  })
  t.match(options, { host: 'h', port: 1, db: 2, password: 'x', tls: {} })
})

await test('C2 a wrong address is named, and its value is not repeated', async (t) => {
  t.throws(() => read({ REDIS_URL: 'http://user:hunter2@host' }), { message: /REDIS_URL must match pattern/ })
  for (const url of [
    'redis://user:hunter2@host:99999',
    'redis://user:hunter2@host/notanumber',
    'redis://',
    'redis://u:100%hunter2@h',
  ]) {
    try {
      single({ REDIS_URL: url })
      t.fail(`${url} should not pass`)
    } catch (error) {
      t.match(error, { code: 'LOCKSTEP_REDIS_ADDRESS_INVALID' })
      t.notMatch(String(error), /hunter2/)
    }
  }
})

await test('pauses between attempts grow, are spread, and are bounded', async (t) => {
  const delay = (attempt: number, random: number) =>
    single({ REDIS_RETRY_DELAY_MAX: '1s' }, () => random).options.retryStrategy(attempt)
  t.equal(delay(1, 1), 100)
  t.equal(delay(1, 0), 50)
  t.equal(delay(1000, 1), 1000)
})

await test('an URL alone says whether TLS is used, and its user and password win', async (t) => {
  const env = { REDIS_TLS: 'true', REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p' }
  const { options } = single({ ...env, REDIS_URL: 'redis://app:secret@h' })
  t.match(options, { username: 'app', password: 'secret' })
  t.notOk('tls' in options)
  t.match(single({ ...env, REDIS_URL: 'redis://h' }).options, { username: 'u', password: 'p' })
})

await test('sentinels: an address each, and what they call the primary', async (t) => {
  const settings = read({
    REDIS_SENTINELS: 's1:26379,[::1]:26380',
    REDIS_SENTINEL_NAME: 'shop',
    REDIS_SENTINEL_PASSWORD: 'hunter2',
    REDIS_PASSWORD: 'x',
    REDIS_DB: '2',
  })
  const place = placeOf(settings)
  t.same(place, {
    topology: 'sentinel',
    sentinels: [
      { host: 's1', port: 26_379 },
      { host: '::1', port: 26_380 },
    ],
    name: 'shop',
  })
  if (place.topology !== 'sentinel') return
  const { options, endpoint } = sentinelOptions(settings, place, 'catalog-1')
  t.match(options, { name: 'shop', sentinelPassword: 'hunter2', password: 'x', db: 2 })
  t.equal(endpoint, 'shop@s1:26379,::1:26380/2')
})

await test('a cluster: some of its nodes; nothing is resent, nothing is queued', async (t) => {
  const settings = read({ REDIS_CLUSTER_NODES: 'a:7000,b:7001', REDIS_TLS: 'true' })
  t.same(placeOf(settings), {
    topology: 'cluster',
    nodes: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
    ],
  })
  t.match(clusterOptions(settings, 'catalog-1'), {
    enableOfflineQueue: false,
    retryDelayOnFailover: 0,
    redisOptions: { connectionName: 'catalog-1', tls: {}, autoResendUnfulfilledCommands: false },
  })
})

await test('settings that contradict each other are refused, by name', async (t) => {
  const sentinels = { REDIS_SENTINELS: 's:1', REDIS_SENTINEL_NAME: 'shop' }
  for (const [env, names] of [
    [{ ...sentinels, REDIS_URL: 'redis://h' }, /REDIS_URL and REDIS_SENTINELS/],
    [{ ...sentinels, REDIS_CLUSTER_NODES: 'h:1' }, /REDIS_SENTINELS and REDIS_CLUSTER_NODES/],
    [{ REDIS_CLUSTER_NODES: 'h:1', REDIS_URL: 'redis://h' }, /REDIS_URL and REDIS_CLUSTER_NODES/],
    [{ REDIS_SENTINELS: 's:1' }, /needs REDIS_SENTINEL_NAME/],
    [{ REDIS_SENTINEL_NAME: 'shop' }, /REDIS_SENTINEL_NAME means nothing without REDIS_SENTINELS/],
    [{ REDIS_SENTINEL_PASSWORD: 'hunter2' }, /REDIS_SENTINEL_PASSWORD means nothing/],
    [{ REDIS_CLUSTER_NODES: 'h:1', REDIS_DB: '1' }, /no REDIS_DB but 0/],
  ] as const) {
    t.throws(() => openRedis(read(env), 'n', recordingLogger()), {
      code: 'LOCKSTEP_REDIS_SETTINGS_CONFLICT',
      message: names,
    })
  }
})

await test('addresses of sentinels and nodes are host:port, with commas between', async (t) => {
  for (const list of ['h', 'h:1,', 'h:1 g:2', ':1', 'h:', 'redis://h:1']) {
    t.throws(() => read({ REDIS_CLUSTER_NODES: list }), { code: 'LOCKSTEP_SETTINGS_INVALID' }, list)
  }
  t.throws(() => placeOf(read({ REDIS_CLUSTER_NODES: 'h:70000' })), {
    code: 'LOCKSTEP_REDIS_ADDRESS_INVALID',
    message: /REDIS_CLUSTER_NODES/,
  })
})
