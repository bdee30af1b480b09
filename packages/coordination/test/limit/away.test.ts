import { faultProxy, ManualClock, recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createLimiter } from '../../src/index.ts'
import { Gate } from '../../src/limit/gate.ts'
import type { Answer } from '../../src/limit/store.ts'
import { openLink } from './rig.ts'

/** What the requirement allows, and what a busy machine of two cores may add to it. */
const [WITHIN, BUSY] = [50, 100]

async function setUp(t: Teardown) {
  const redis = await testRedis(t)
  const proxy = await faultProxy(redis.port)
  t.teardown(() => proxy.close())
  const link = await openLink(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_HEARTBEAT: '200ms' })
  const logger = recordingLogger()
  const limiter = createLimiter({ redis: link, prefix: 'test', logger })
  return { redis, proxy, link, limiter, logger }
}

await test('Redis hangs: one short wait, then none; and it is found again', async (t) => {
  const { proxy, limiter, logger } = await setUp(t)
  const policy = limiter.policy({ name: 'api', limit: 1000, window: '1h', whenAway: 'open' })
  await until('Redis decides', async () => (await policy.consume('a')).source === 'store')
  logger.lines.length = 0
  proxy.blackHole()
  const times: number[] = []
  for (let n = 0; n < 200; n++) {
    const begun = performance.now()
    t.match(await policy.consume('a'), { allowed: true, source: 'fallback', degraded: true })
    times.push(performance.now() - begun)
  }
  const sorted = times.toSorted((a, b) => b - a)
  t.ok((sorted[0] ?? 0) >= 39, 'the first waits')
  t.ok((sorted[0] ?? 0) < WITHIN + BUSY, `for ${sorted[0]} ms`)
  t.ok((sorted[2] ?? 0) < 20, `and the others do not: ${sorted[2]} ms, though the link itself waits for 5 s`)
  proxy.heal()
  await until('Redis decides again', async () => (await policy.consume('a')).source === 'store')
  t.same(logger.messages(), ['limit policy decides without Redis', 'limit policy decides with Redis again'])
})

await test('Redis refuses: open, closed and local, at once', async (t) => {
  const { redis, link, limiter } = await setUp(t)
  const tier = { limit: 3, window: '1h' } as const
  const open = limiter.policy({ name: 'open', ...tier, whenAway: 'open' })
  const closed = limiter.policy({ name: 'closed', ...tier, whenAway: 'closed' })
  const local = limiter.policy({ name: 'local', ...tier, whenAway: 'local' })
  const shadow = limiter.policy({ name: 'shadow', ...tier, whenAway: 'closed', shadow: true })
  await redis.kill()
  await until('the link knows', () => !link.available)
  for (let n = 0; n < 5; n++) {
    const begun = performance.now()
    t.match(await open.consume('a'), { allowed: true, degraded: true, source: 'fallback' })
    t.match(await closed.consume('a'), {
      allowed: false,
      degraded: true,
      source: 'fallback',
      retryAfterMs: 1000,
    })
    t.match(await local.consume('a'), { allowed: n < 3, degraded: true, source: 'local', at: undefined })
    t.match(await shadow.consume('a'), { allowed: true, refusedInShadow: true })
    t.ok(performance.now() - begun < WITHIN + BUSY)
  }
  t.match(await local.peek('b'), { allowed: true, remaining: 3, source: 'local' })
  t.match(await local.peek('b'), { remaining: 3 }, 'a look takes nothing')
  await t.rejects(open.forget('a'), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  t.match(limiter.stats(), { open: { degraded: true, storeErrors: 5, bySource: { fallback: 5 } } })
})

await test('while an answer is overdue nobody else waits; when it comes, Redis is asked again', async (t) => {
  const clock = new ManualClock()
  const answer: Answer = { at: 0, refusedBy: undefined, waitMs: 0, leased: 0, leaseMs: 0, levels: [] }
  const asked: ((answers: Answer[]) => void)[] = []
  const store = {
    shards: 2,
    shardOf: (name: string) => Number(name),
    ask: () => new Promise<Answer[]>((resolve) => asked.push(resolve)),
    forget: async () => {},
  }
  const gate = new Gate(store, clock, 40)
  const ask = (name: string) => gate.consume({ name, cost: 1, want: 0 })
  const first = ask('0')
  await until('it is sent', () => asked.length === 1)
  clock.advance(40)
  t.match((await first).answer, undefined)
  t.match((await ask('0')).answer, undefined, 'at once')
  t.equal(asked.length, 1, 'and without a question')
  const other = ask('1')
  await until('another shard is asked', () => asked.length === 2)
  asked[1]?.([answer])
  t.match(await other, { answer })
  asked[0]?.([answer])
  await until('the overdue answer has come', async () => {
    const next = ask('0')
    await new Promise(setImmediate)
    asked[2]?.([answer])
    return (await next).answer !== undefined
  })
  clock.advance(100)
  await new Promise(setImmediate)
  t.equal(clock.waiting, 0, 'no timer is left')
})
