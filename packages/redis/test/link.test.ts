import { readSettings } from '@lockstep/settings'
import { faultProxy, recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { openRedis, RedisSettings } from '../src/index.ts'

/** A link through a proxy, with short times. */
async function setUp(t: Teardown, port?: number) {
  const redis = port === undefined ? await testRedis(t) : undefined
  const proxy = await faultProxy(redis?.port ?? port ?? 0)
  const logger = recordingLogger()
  const settings = readSettings(RedisSettings, {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_HEARTBEAT: '200ms',
    REDIS_RETRY_DELAY_MAX: '100ms',
  })
  const link = openRedis(settings, 'test-1', logger)
  t.teardown(async () => {
    await link.close()
    await proxy.close()
  })
  return { redis, proxy, logger, link }
}

function listen(link: ReturnType<typeof openRedis>, channel: string) {
  const heard: string[] = []
  const leave = link.channels.listen(channel, {
    up: () => heard.push('up'),
    down: () => heard.push('down'),
    message: (payload) => heard.push(payload),
  })
  return { heard, leave }
}

await test('C1 one connection for commands and one to listen, whatever goes over them', async (t) => {
  const { link, redis } = await setUp(t)
  await until('the link is up', () => link.available)
  const [a, b] = [listen(link, 'a'), listen(link, 'b')]
  await until('both channels are heard', () => a.heard.length + b.heard.length === 2)
  await Promise.all(Array.from({ length: 100 }, (_, n) => link.run((commands) => commands.get(`k${n}`))))
  const observer = new Redis({ port: redis?.port ?? 0 })
  t.teardown(() => observer.disconnect())
  const names = String(await observer.client('LIST')).match(/ name=test\S+/g)
  t.same(names?.toSorted(), [' name=test-1', ' name=test-1:subscriber'])
})

await test('messages come in order, and a channel that is left is silent', async (t) => {
  const { link } = await setUp(t)
  await until('the link is up', () => link.available)
  const { heard, leave } = listen(link, 'news')
  await until('the channel is heard', () => heard.includes('up'))
  const publish = (text: string) =>
    link.run((commands) => commands.eval(`return redis.call('PUBLISH', 'news', '${text}')`, 0))
  await publish('1')
  await publish('2')
  await until('both arrive', () => heard.length === 3)
  t.same(heard, ['up', '1', '2'])
  await leave()
  t.equal(await publish('3'), 0)
})

await test('C3 C4 Redis away at the start, coming, going, coming back: one line each', async (t) => {
  const first = await testRedis(t)
  const { port } = first
  await first.kill()
  const { link, logger } = await setUp(t, port)
  await until('the attempts fail', () => link.counts().commands.connected > 3)
  t.equal(link.available, false)
  await t.rejects(
    link.run((commands) => commands.ping()),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )

  const second = await testRedis(t, port)
  const { heard } = listen(link, 'news')
  await until('it is there', () => link.available && heard.at(-1) === 'up')
  await second.kill()
  await until('it is lost', () => !link.available && heard.at(-1) === 'down')
  await testRedis(t, port)
  await until('it is back', () => link.available && heard.at(-1) === 'up')
  t.same(heard, ['up', 'down', 'up'])

  for (const role of ['commands', 'subscriber']) {
    const lines = logger.lines
      .filter(({ details }) => 'role' in details && details.role === role)
      .map(({ message }) => message)
      .filter((message) => message !== 'redis connection error')
    t.same(lines, ['redis connected', 'redis connection lost', 'redis connection restored'], role)
  }
  t.match(link.counts().commands, { ready: 2, lost: 1, restored: 1 })
})

await test('C2 a Redis that hangs costs one wait, then nothing, then is found again', async (t) => {
  const { link, proxy } = await setUp(t)
  await until('the link is up', () => link.available)
  proxy.blackHole()
  const times: number[] = []
  for (let read = 0; read < 50; read++) {
    const begun = performance.now()
    await t.rejects(
      link.run((commands) => commands.get('k')),
      { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
    )
    times.push(performance.now() - begun)
  }
  t.ok((times[0] ?? 0) >= 95, 'the first waits for the timeout')
  t.equal(times.filter((time) => time > 50).length, 1, 'and only the first')
  proxy.heal()
  await until('it is found again', () => link.available)
  t.equal(await link.run((commands) => commands.get('k')), null)
})

await test('a silently dead subscriber link is found by its heartbeat', async (t) => {
  const { link, proxy } = await setUp(t)
  const { heard } = listen(link, 'news')
  await until('the channel is heard', () => heard.length === 1)
  proxy.blackHole()
  await until('it is found dead', () => heard.at(-1) === 'down', 3000)
  proxy.heal()
  await until('it is heard again', () => heard.at(-1) === 'up')
  t.same(heard, ['up', 'down', 'up'])
})
