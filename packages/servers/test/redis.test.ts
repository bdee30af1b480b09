import { createServer } from 'node:net'
import { test } from 'tap'
import { freePort, snapshotOf, startRedisServer } from '../src/index.ts'
import { answersPing } from '../src/redis/probe.ts'
import { ask } from '../src/redis/resp.ts'
import { allGone, familyOf } from './processes.ts'

await test('a redis-server starts, answers, and stops without a trace', async (t) => {
  const redis = await startRedisServer()
  const family = familyOf(redis.pid)
  t.equal(redis.url, `redis://127.0.0.1:${redis.port}`)
  t.ok(await answersPing(redis.port))
  t.same(await redis.stop(), { code: 0, signal: null })
  t.same(await allGone(family), [])
  t.notOk(await answersPing(redis.port))
})

await test('a killed redis-server says so, and its port can be had again', async (t) => {
  const first = await startRedisServer()
  t.same(await first.kill(), { code: null, signal: 'SIGKILL' })
  const second = await startRedisServer({ port: first.port })
  t.equal(second.port, first.port)
  await second.stop()
})

await test('a wished port that is taken gives way to the next, a demanded one is an error', async (t) => {
  const port = await freePort()
  const holder = createServer().listen(port, '127.0.0.1')
  t.teardown(() => holder.close())
  const redis = await startRedisServer({ preferredPort: port })
  t.not(redis.port, port)
  await redis.stop()
  await t.rejects(startRedisServer({ port }), {
    code: 'REDIS_START_FAILED',
    message: /[Aa]ddress already in use/,
  })
})

await test('a server that does not start is an error with the end of its log', async (t) => {
  await t.rejects(startRedisServer({ args: ['--no-such-setting', 'x'] }), {
    code: 'REDIS_START_FAILED',
    message: /no-such-setting/,
  })
})

await test('a start that is given up leaves nothing', async (t) => {
  await t.rejects(startRedisServer({ signal: AbortSignal.abort() }))
})

await test('a server starts from the snapshot of another, as old as it is', async (t) => {
  const first = await startRedisServer()
  await ask(first.port, ['SET', 'k', 'old'])
  const rdb = await snapshotOf(first)
  await ask(first.port, ['SET', 'k', 'new'])
  await first.kill()
  const second = await startRedisServer({ port: first.port, rdb })
  t.equal(await ask(second.port, ['GET', 'k']), 'old')
  await second.stop()
})
