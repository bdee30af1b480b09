import { faultProxy, ManualClock, recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createLimiter } from '../../src/index.ts'
import { Gate } from '../../src/limit/gate.ts'
import type { Answer } from '../../src/limit/store.ts'
import { openLink } from './rig.ts'

/** Milliseconds: far from the 10 s that the link itself is patient, and from what a busy machine takes. */
const AT_ONCE = 5000

/** The clock of the limiter stands still: what it decides while nobody moves it, it decides without waiting. */
async function setUp(t: Teardown) {
  const redis = await testRedis(t)
  const proxy = await faultProxy(redis.port)
  t.teardown(() => proxy.close())
  const place = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_HEARTBEAT: '10s' }
  const link = await openLink(t, { ...place, REDIS_COMMAND_TIMEOUT: '10s' })
  const logger = recordingLogger()
  const clock = new ManualClock()
  const limiter = createLimiter({ redis: link, prefix: 'test', logger, clock })
  return { redis, proxy, link, limiter, logger, clock }
}

await test('Redis hangs: one short wait, then none; and it is found again', async (t) => {
  const { proxy, limiter, logger, clock } = await setUp(t)
  const policy = limiter.policy({ name: 'api', limit: 1000, window: '1h', whenAway: 'open' })
  await until('Redis decides', async () => (await policy.consume('a')).source === 'store')
  logger.lines.length = 0
  clock.advance(100)
  await until('no timer is left', () => clock.waiting === 0)
  proxy.blackHole()
  const begun = performance.now()
  let waits = true
  const first = policy.consume('a').finally(() => {
    waits = false
  })
  await until('it is asked', () => clock.waiting === 1)
  clock.advance(38)
  await new Promise(setImmediate)
  t.equal(waits, true, 'the first waits')
  clock.advance(2)
  const away = { allowed: true, source: 'fallback', degraded: true }
  t.match(await first, away, 'for 40 ms')
  for (let n = 0; n < 200; n++) t.match(await policy.consume('a'), away, 'and the others do not')
  t.ok(performance.now() - begun < AT_ONCE, 'though the link itself waits for 10 s')
  proxy.heal()
  proxy.reset()
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
  const begun = performance.now()
  for (let n = 0; n < 5; n++) {
    t.match(await open.consume('a'), { allowed: true, degraded: true, source: 'fallback' })
    t.match(await closed.consume('a'), {
      allowed: false,
      degraded: true,
      source: 'fallback',
      retryAfterMs: 1000,
    })
    t.match(await local.consume('a'), { allowed: n < 3, degraded: true, source: 'local', at: undefined })
    t.match(await shadow.consume('a'), { allowed: true, refusedInShadow: true })
  }
  t.ok(performance.now() - begun < AT_ONCE)
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
