import { faultProxy, type Teardown, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { listen, openBoth, openLink } from './links.ts'

/** A link through a proxy. */
async function setUp(
  t: Teardown,
  { port, ...env }: { port?: number; REDIS_COMMAND_TIMEOUT?: string; REDIS_HEARTBEAT?: string } = {},
) {
  const redis = port === undefined ? await testRedis(t) : undefined
  const proxy = await faultProxy(redis?.port ?? port ?? 0)
  t.teardown(() => proxy.close())
  const { link, logger } = openLink(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, ...env })
  return { redis, proxy, logger, link }
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

await test('a connection apart has its own breaker, and ends by itself', async (t) => {
  const { link, proxy, redis } = await setUp(t, { REDIS_COMMAND_TIMEOUT: '1500ms' })
  const apart = link.apart('locks')
  await until('both are up', () => link.available && apart.available)
  const observer = new Redis({ port: redis?.port ?? 0 })
  t.teardown(() => observer.disconnect())
  const names = async () =>
    String(await observer.client('LIST'))
      .match(/ name=test\S+/g)
      ?.toSorted()
  t.same(await names(), [' name=test-1', ' name=test-1:locks', ' name=test-1:subscriber'])

  const brief = link.apart('brief')
  await until('it is there', async () => (await names())?.length === 4)
  await brief.close()
  await until('it is gone', async () => (await names())?.length === 3)

  proxy.blackHole(({ said }) => said.includes('test-1:locks'))
  const unavailable = { code: 'LOCKSTEP_REDIS_UNAVAILABLE' }
  await t.rejects(
    apart.run((commands) => commands.ping()),
    unavailable,
  )
  t.same([apart.available, link.available], [false, true])
  t.equal(await link.run((commands) => commands.ping()), 'PONG')
  await apart.close()
  t.equal(link.available, true)
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
  const { link, logger } = await setUp(t, { port })
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
  const { link, proxy } = await setUp(t, { REDIS_COMMAND_TIMEOUT: '1500ms' })
  await until('the link is up', () => link.available)
  proxy.blackHole()
  const begun = performance.now()
  let first = 0
  for (let read = 0; read < 50; read++) {
    await t.rejects(
      link.run((commands) => commands.get('k')),
      { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
    )
    first ||= performance.now() - begun
  }
  t.ok(first >= 1300, 'the first waits for the timeout, or a little less with others')
  t.ok(performance.now() - begun < 20_000, 'and only the first: fifty would take a minute')
  proxy.heal()
  await until('it is found again', () => link.available)
  t.equal(await link.run((commands) => commands.get('k')), null)
})

await test('a connection that is silently dead, and idle, is replaced before anybody needs it', async (t) => {
  const { link, proxy, logger } = await setUp(t)
  await until('the link is up', () => link.available)
  const ends = () =>
    logger.lines.filter(
      ({ message, details }) =>
        message === 'redis connection error' && /silent for/.test(JSON.stringify(details)),
    )
  proxy.blackHole()
  await until('both are found dead', () => link.counts().commands.lost + link.counts().subscriber.lost === 2)
  t.equal(ends().length, 2, 'by their silence')
  await until('another was begun, which nobody answers either', () => link.counts().commands.connected > 1)
  proxy.heal()
  await until('it is up again', () => link.available && link.counts().commands.restored === 1)
})

await test('a connection that is merely idle is asked whether it lives, and left alone', async (t) => {
  const { link } = await setUp(t, { REDIS_HEARTBEAT: '300ms' })
  await until('the link is up', () => link.available)
  const asked = async () => /cmdstat_ping:calls=(\d+)/.exec((await link.info('commandstats')).join())?.[1]
  const first = Number((await asked()) ?? 0)
  await until(
    'both were asked for longer than silence is suffered',
    async () => Number(await asked()) >= first + 6,
  )
  t.match(link.counts(), { commands: { lost: 0 }, subscriber: { lost: 0 } })
})

await test('a silently dead subscriber link is found by its heartbeat', async (t) => {
  const { link, proxy } = await setUp(t)
  const { heard } = listen(link, 'news')
  await until('the channel is heard', () => heard.length === 1)
  proxy.blackHole()
  await until('it is found dead', () => heard.at(-1) === 'down')
  proxy.heal()
  await until('it is heard again', () => heard.at(-1) === 'up')
  t.same(heard, ['up', 'down', 'up'])
})

await test('a primary that was demoted says so: a write counts as absence, and the link connects anew', async (t) => {
  const { link, redis } = await setUp(t)
  await until('the link is up', () => link.available)
  const observer = new Redis({ port: redis?.port ?? 0 })
  t.teardown(() => observer.disconnect())
  const write = () => link.run((commands) => commands.set('k', 'v', 'PX', 1000))
  await write()
  await observer.replicaof('127.0.0.1', '1')
  await t.rejects(write(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE', cause: { message: /^READONLY/ } })
  await until('it has connected anew', () => link.counts().commands.restored === 1 && link.available)
  t.equal(await link.run((commands) => commands.get('none')), null, 'reads still work')
  await t.rejects(write(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  t.equal(link.counts().commands.lost, 1, 'but not again and again')
  await observer.replicaof('NO', 'ONE')
  await t.resolves(write())
  t.equal(link.counts().topologyChanges, 0, 'it is the same server')
})

await test('INFO and SCAN', async (t) => {
  const { link } = await setUp(t)
  await until('the link is up', () => link.available)
  t.match(await link.info('memory'), [/maxmemory_policy:/])
  const names = Array.from({ length: 1200 }, (_, n) => `scan:${n}`)
  const setAll = "for _, key in ipairs(KEYS) do redis.call('SET', key, 'x') end"
  await link.run((commands) => commands.eval(setAll, names.length, ...names))
  const found: string[] = []
  for await (const page of link.scan('scan:*')) found.push(...page)
  t.same(found.toSorted(), names.toSorted())
})

await test('a message goes to those who listen on its channel at that moment, whoever spoke before', async (t) => {
  const { raw, link } = await openBoth(t)
  // Of the same length, and the bytes of one are the letters of another.
  const names = ['news', 'nose', 'é', 'Ã©', 'éé']
  const all = names.map((name) => listen(link, name))
  await until('all are heard', () => all.every(({ heard }) => heard[0] === 'up'))
  const say = async (name: string, text: string) => {
    await raw.publish(name, text)
    await link.channels.caughtUp()
  }
  for (const name of [...names, ...names.toReversed(), 'news', 'news']) await say(name, name)
  for (const [at, name] of names.entries()) {
    const told = all[at]?.heard.slice(1) ?? []
    t.same(
      told,
      Array.from({ length: name === 'news' ? 4 : 2 }, () => name),
    )
  }
  const [first] = all
  const second = listen(link, 'news')
  await say('news', 'both')
  t.same([first?.heard.at(-1), second.heard], ['both', ['up', 'both']])
  await first?.leave()
  await say('news', 'one')
  t.same([first?.heard.at(-1), second.heard.at(-1)], ['both', 'one'])
  await second.leave()
  const third = listen(link, 'news')
  await until('it is heard again', () => third.heard.length === 1)
  await say('news', '')
  t.same([second.heard.at(-1), third.heard], ['one', ['up', '']])
})

await test('plain and sharded channels of one name are two', async (t) => {
  const { link } = await setUp(t)
  await until('the link is up', () => link.available)
  const plain = listen(link, 'news')
  const sharded = listen(link, 'news', { sharded: true })
  await until('both are heard', () => plain.heard.length + sharded.heard.length === 2)
  await link.run((commands) => commands.publish('news', 'to all'))
  await link.run((commands) => commands.spublish('news', 'to the shard'))
  await until('both arrive', () => plain.heard.length + sharded.heard.length === 4)
  t.same(
    [plain.heard, sharded.heard],
    [
      ['up', 'to all'],
      ['up', 'to the shard'],
    ],
  )
})
