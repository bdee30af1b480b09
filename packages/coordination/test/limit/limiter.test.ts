import { testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { createLimiter, type PolicyOptions } from '../../src/index.ts'
import { openLimiter, patient } from './rig.ts'

await test('permits are given until there are none, in all tiers or in none', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  for (const kind of ['sliding', 'exact', 'smooth'] as const) {
    const burst = kind === 'smooth' ? { burst: 3 } : {}
    const tiers = [
      { limit: 3, window: '1h', ...burst },
      { limit: 5, window: '2h', ...(kind === 'smooth' ? { burst: 5 } : {}) },
    ] as const
    const policy = limiter.policy({ name: kind, kind, tiers, denyCache: false, ...patient })
    t.match(await policy.consume('a', { cost: 2 }), {
      allowed: true,
      remaining: 1,
      source: 'store',
      retryAfterMs: 0,
    })
    t.match(await policy.peek('a', { cost: 2 }), { allowed: false, remaining: 1, tier: { limit: 3 } })
    t.match(
      await policy.consume('a', { cost: 2 }),
      { allowed: false, remaining: 1, degraded: false },
      'not counted',
    )
    const last = await policy.consume('a')
    t.match(last, {
      allowed: true,
      remaining: 0,
      refusedInShadow: false,
      tiers: [{ remaining: 0 }, { remaining: 2 }],
    })
    const refused = await policy.consume('a')
    t.equal(refused.allowed, false)
    t.ok(refused.retryAfterMs > 1_000_000 && refused.retryAfterMs <= refused.resetMs)
    t.equal((await policy.consume('b')).allowed, true, 'another key')
    await policy.forget('a')
    t.match(await policy.peek('a'), { allowed: true, remaining: 3 })
  }
})

await test('a shadow counts and reports, and refuses nobody', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  const policy = limiter.policy({ name: 'shadow', limit: 1, window: '1h', shadow: true, ...patient })
  t.match(await policy.consume('a'), { allowed: true, refusedInShadow: false })
  t.match(await policy.consume('a'), { allowed: true, refusedInShadow: true, source: 'store' })
  t.match(await policy.consume('a'), { allowed: true, refusedInShadow: true, source: 'deny-cache' })
  t.match(limiter.stats()['shadow'], { allowed: 1, refused: 0, refusedInShadow: 2 })
})

await test('what is asked in one turn goes out together, in pieces that are not too long', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  const raw = new Redis(url)
  t.teardown(() => raw.disconnect())
  const policy = limiter.policy({ name: 'batch', limit: 5, window: '1h', denyCache: false, ...patient })
  await policy.consume('first')
  const asked = async (keys: readonly string[]) => {
    await raw.config('RESETSTAT')
    const decisions = await Promise.all(keys.map((key) => policy.consume(key)))
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1]
    return { calls, allowed: decisions.filter(({ allowed }) => allowed).length }
  }
  t.same(await asked(Array.from({ length: 16 }, (_, n) => `k${n}`)), { calls: '1', allowed: 16 })
  t.same(await asked(Array.from({ length: 16 }, () => 'hot')), { calls: '1', allowed: 5 })
  t.same(await asked(Array.from({ length: 50 }, (_, n) => `l${n}`)), { calls: '4', allowed: 50 })
})

await test('a key that is not a meter fails alone, and as the policy says', async (t) => {
  const { url } = await testRedis(t)
  const { limiter, link, logger } = await openLimiter(t, url)
  for (const kind of ['sliding', 'exact', 'smooth'] as const) {
    const policy = limiter.policy({
      name: kind,
      kind,
      limit: 20,
      window: '1h',
      whenAway: 'closed',
      ...patient,
    })
    const keys = (key: string) => `test:{0}:limit:${kind}:${kind.slice(0, 2)}3600000:${key}`
    await link.run((redis) => redis.callBuffer('hset', keys('hash'), 'f', 'v'))
    await link.run((redis) => redis.callBuffer('set', keys('text'), 'not a meter'))
    const decisions = await Promise.all(['a', 'hash', 'b', 'text', 'c'].map((key) => policy.consume(key)))
    t.same(
      decisions.map(({ allowed, source }) => `${allowed} ${source}`),
      ['true store', 'false fallback', 'true store', 'false fallback', 'true store'],
    )
    await policy.forget('hash')
    t.equal((await policy.consume('hash')).allowed, true)
  }
  t.ok(link.available)
  t.match(logger.lines[0]?.details, { reason: /WRONGTYPE/ })
})

await test('SCRIPT FLUSH goes unnoticed', async (t) => {
  const { url } = await testRedis(t)
  const { limiter, link } = await openLimiter(t, url)
  const policy = limiter.policy({ name: 'flush', limit: 2, window: '1h', whenAway: 'closed', ...patient })
  t.equal((await policy.consume('a')).source, 'store')
  await link.run((redis) => redis.callBuffer('script', 'FLUSH'))
  t.match(await policy.consume('a'), { source: 'store', remaining: 0 })
})

await test('a key takes 200 bytes at most, and goes by itself', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  const raw = new Redis(url)
  t.teardown(() => raw.disconnect())
  for (const kind of ['sliding', 'exact', 'smooth'] as const) {
    const policy = limiter.policy({ name: kind, kind, limit: 100, window: '200ms', ...patient })
    const key = `test:{0}:limit:${kind}:${kind.slice(0, 2)}200:user:7`
    let most = 0
    for (const end = performance.now() + 300; performance.now() < end || most === 0; ) {
      await policy.consume('user:7')
      most = Math.max(most, Number((await raw.call('MEMORY', 'USAGE', key)) ?? 0))
      const life = await raw.pttl(key)
      if (life > 300 || life === -1) t.fail(`${kind} lives ${life} ms`)
    }
    if (kind !== 'exact') t.ok(most > 0 && most <= 200, `${kind} takes ${most}`)
    await until('it is gone', async () => (await raw.exists(key)) === 0)
  }
})

await test('what is wrong is said with a code, and names the thing', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ name: 'two words' }, /"two words".*name/],
    [{ name: '' }, /name/],
    [{ limit: 0 }, /limit 0/],
    [{ limit: 1.5 }, /limit 1.5/],
    [{ limit: 2e9 }, /limit/],
    [{ kind: 'exact', limit: 1001 }, /sliding/],
    [{ window: '1ms' }, /window/],
    [{ window: '401d' }, /window/],
    [{ window: 10.5 }, /window/],
    [{ window: 'soon' }, /window "soon"/],
    [{ window: undefined }, /window/],
    [{ tiers: [] }, /tiers/],
    [
      {
        tiers: [
          { limit: 1, window: '1s' },
          { limit: 2, window: 1000 },
        ],
      },
      /same window/,
    ],
    [{ kind: 'fixed' }, /kind/],
    [{ whenAway: 'shut' }, /whenAway/],
    [{ burst: 1 }, /burst/],
    [{ kind: 'smooth', burst: 6 }, /burst 6/],
    [{ kind: 'smooth', lease: { permits: 2 } }, /leases/],
    [{ lease: { permits: 0 } }, /leases 0/],
    [{ storeTimeout: 0 }, /storeTimeout/],
  ]
  for (const [options, message] of wrong) {
    const all: PolicyOptions = { name: 'wrong', limit: 5, window: '1s', ...options }
    t.throws(() => limiter.policy(all), { code: 'LOCKSTEP_LIMIT_POLICY', message })
  }
  const policy = limiter.policy({ name: 'right', limit: 5, window: '1s', ...patient })
  t.throws(() => limiter.policy({ name: 'right', limit: 5, window: '1s' }), { message: /right.*twice/ })
  for (const cost of [0, -1, 1.5, 6, Number.NaN]) {
    await t.rejects(policy.consume('a', { cost }), { code: 'LOCKSTEP_LIMIT_COST', message: /right/ })
    await t.rejects(policy.peek('a', { cost }), { code: 'LOCKSTEP_LIMIT_COST' })
  }
  await t.rejects(policy.consume(''), { code: 'LOCKSTEP_LIMIT_KEY', message: /right/ })
  const smooth = limiter.policy({ name: 'smooth', kind: 'smooth', limit: 50, window: '1s', ...patient })
  await t.rejects(smooth.consume('a', { cost: 6 }), { message: /from 1 to 5/ }, 'no more than the burst')
})

await test('a long key is kept as its hash, and nobody can name the hash of another', async (t) => {
  const { url } = await testRedis(t)
  const { limiter, link } = await openLimiter(t, url)
  const policy = limiter.policy({ name: 'long', limit: 1, window: '1h', ...patient })
  const long = 'x'.repeat(10_000)
  t.equal((await policy.consume(long)).allowed, true)
  t.equal((await policy.consume(long)).allowed, false)
  t.equal((await policy.consume(`${long}y`)).allowed, true)
  const names: string[] = []
  for await (const page of link.scan('test:*')) names.push(...page)
  t.ok(names.every((name) => name.length < 100))
  const hash = names[0]?.slice(names[0].indexOf('#')) ?? ''
  t.equal((await policy.consume(hash)).allowed, true)
})

await test('metrics are labelled by policy, and never by key', async (t) => {
  const { url } = await testRedis(t)
  const { limiter } = await openLimiter(t, url)
  const policy = limiter.policy({ name: 'api', limit: 1, window: '1h', ...patient })
  for (let n = 0; n < 3; n++) await policy.consume('user:7')
  const metrics = limiter.metrics()
  const value = (outcome: string, source: string) =>
    metrics.find(({ labels }) => labels['outcome'] === outcome && labels['source'] === source)?.value
  t.same([value('allowed', 'store'), value('refused', 'store'), value('refused', 'deny-cache')], [1, 1, 1])
  t.notMatch(JSON.stringify(metrics), /user/)
  t.match(limiter.stats(), { api: { allowed: 1, refused: 2, degraded: false, denials: 1 } })
})

await test('two limiters on one Redis share what they count when they share a prefix', async (t) => {
  const { url } = await testRedis(t)
  const { limiter, link, logger } = await openLimiter(t, url)
  const options = { name: 'api', limit: 1, window: '1h', ...patient } as const
  t.equal((await limiter.policy(options).consume('a')).allowed, true)
  const same = createLimiter({ redis: link, prefix: 'test', logger }).policy(options)
  t.equal((await same.consume('a')).allowed, false)
  const other = createLimiter({ redis: link, prefix: 'other', logger }).policy(options)
  t.equal((await other.consume('a')).allowed, true)
})
