import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { limitHeaders, secondsOf, sfString } from '../../src/limit/headers.ts'
import { openApp } from './rig.ts'

await test('names are Strings of Structured Fields, unique by tier; windows are whole seconds', async (t) => {
  t.equal(sfString('a "b" \\c'), String.raw`"a \"b\" \\c"`)
  const tiers = [
    { limit: 5, window: 250 },
    { limit: 20, window: 1000 },
    { limit: 30, window: 1500 },
    { limit: 50, window: 90_000 },
    { limit: 1000, window: 7_200_000 },
    { limit: 9000, window: 86_400_000 },
  ]
  t.equal(
    limitHeaders({ name: 'api', tiers }).policy,
    [
      '"api:250ms";q=5;w=1',
      '"api:1s";q=20;w=1',
      '"api:1500ms";q=30;w=2',
      '"api:90s";q=50;w=90',
      '"api:2h";q=1000;w=7200',
      '"api:1d";q=9000;w=86400',
    ].join(', '),
  )
  t.same([0, 1, 999, 1000, 1001].map(secondsOf), [1, 1, 1, 1, 2], 'never 0, and rounded up')
})

await test('each answer says where the tiers of its policies stand', async (t) => {
  const redis = await testRedis(t)
  const { ask } = await openApp(t, redis.url, {
    limits: {
      legacyHeaders: true,
      policies: {
        api: {
          tiers: [
            { limit: 2, window: '1h' },
            { limit: 1000, window: '30d' },
          ],
        },
        hosts: { limit: 50, window: '1m', by: 'address' },
      },
    },
    routes: (app) => {
      app.get('/tiers', { config: { limit: 'api' } }, async () => 'x')
      app.get('/both', { config: { limit: ['hosts', 'api'] } }, async () => 'x')
      app.get('/turned', { config: { limit: ['api', 'hosts'] } }, async () => 'x')
      app.get('/fails', { config: { limit: 'hosts' } }, async () => {
        throw new Error('no')
      })
    },
  })
  const tiers = await ask({ url: '/tiers', headers: { 'x-user': 'ada' } })
  const api = '"api:1h";q=2;w=3600, "api:30d";q=1000;w=2592000'
  t.equal(tiers.headers['ratelimit-policy'], api)
  t.match(tiers.headers['ratelimit'], /^"api:1h";r=1;t=3[6-9]\d\d, "api:30d";r=999;t=2\d{6}$/)
  t.match(tiers.headers, { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
  t.match(tiers.headers['x-ratelimit-reset'], /^3[6-9]\d\d$/)

  const both = await ask({ url: '/both', headers: { 'x-user': 'ada' } })
  t.equal(both.headers['ratelimit-policy'], `"hosts";q=50;w=60, ${api}`)
  t.match(
    both.headers['ratelimit'],
    /^"hosts";r=49;t=6\d, "api:1h";r=0;t=3[6-9]\d\d, "api:30d";r=998;t=2\d{6}$/,
  )
  t.match(both.headers, { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' }, 'the tightest')

  const turned = await ask({ url: '/turned', headers: { 'x-user': 'bob' } })
  t.match(turned.headers, { 'x-ratelimit-limit': /^2$/, 'x-ratelimit-remaining': /^1$/ }, 'in any order')

  const refused = await ask({ url: '/tiers', headers: { 'x-user': 'ada' } })
  const after = Number(refused.headers['retry-after'])
  t.match(refused, { status: 429, headers: { 'ratelimit-policy': api } })
  t.equal(
    refused.headers['ratelimit'],
    `"api:1h";r=0;t=${after}, "api:30d";r=998;t=${after}`,
    'no time is past it',
  )
  t.equal(refused.headers['x-ratelimit-reset'], `${after}`)

  const fails = await ask({ url: '/fails' })
  t.equal(fails.status, 500)
  t.match(fails.headers['ratelimit'], /^"hosts";r=47;t=\d+$/, 'also on errors')
  const plain = await openApp(t, redis.url)
  t.equal((await plain.ask()).headers['x-ratelimit-limit'], undefined, 'not unless asked for')
})

await test('of several policies the first that refuses ends it, and the rest are not counted', async (t) => {
  const redis = await testRedis(t)
  const { ask, app } = await openApp(t, redis.url, {
    limits: {
      policies: { strict: { limit: 1, window: '1h', by: 'address' }, wide: { limit: 9, window: '1h' } },
    },
    routes: (routes) => routes.get('/both', { config: { limit: ['strict', 'wide'] } }, async () => 'x'),
  })
  const as = { url: '/both', headers: { 'x-user': 'ada' } }
  t.equal((await ask(as)).status, 200)
  const refused = await ask(as)
  t.match(refused, { status: 429, headers: { 'ratelimit-policy': '"strict";q=1;w=3600' } })
  t.match(refused.answer.json(), { code: 'RATE_LIMITED', detail: /strict/ })
  t.equal((await app.limits.policy('wide').peek('user:ada')).remaining, 8)
})

await test('a policy in shadow sets headers and refuses nobody', async (t) => {
  const redis = await testRedis(t)
  const { ask, passed, limiter } = await openApp(t, redis.url, {
    limits: { default: { limit: 2, window: '1h', shadow: true } },
  })
  t.equal(await passed(2), 2)
  const beyond = await ask()
  t.match(beyond, { status: 200, headers: { 'ratelimit-policy': '"default";q=2;w=3600' } })
  t.match(beyond.headers['ratelimit'], /^"default";r=0;t=\d+$/)
  t.equal(beyond.headers['retry-after'], undefined)
  t.match(limiter.stats(), { default: { allowed: 2, refused: 0, refusedInShadow: 1 } })
  const metric = limiter.metrics().find(({ labels }) => labels['outcome'] === 'refused_in_shadow')
  t.equal(metric?.labels['policy'], 'default')
})
