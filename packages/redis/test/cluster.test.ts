import { testCluster, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { slotOf } from '../src/crc16.ts'
import { keySpace, type RedisLink, runScript, runScriptBuffer } from '../src/index.ts'
import { listen, openLink, scriptOf } from './links.ts'

const keys = keySpace('shop', 16)
const shards = Array.from({ length: 16 }, (_, shard) => shard)
const slotOfShard = (shard: number) => slotOf(keys.head(shard))
const counter = (shard: number) => `${keys.root(shard)}n`

/** Adds one to a counter of the shard. */
const bump = (link: RedisLink, shard: number) =>
  link.run((redis) => redis.eval("return redis.call('INCR', KEYS[1])", 1, counter(shard)), shard)

const publish = (link: RedisLink, shard: number, text: string) =>
  link.run((redis) => redis.spublish(keys.channel(shard), text), shard)

const listenTo = (link: RedisLink, shard: number) => listen(link, keys.channel(shard), { sharded: true })

await test('a Redis Cluster', async (t) => {
  const cluster = await testCluster(t)
  const { link, logger } = openLink(t, { REDIS_CLUSTER_NODES: cluster.addresses })
  t.equal(link.topology, 'cluster')
  t.equal(link.shards, 16)
  t.equal(await link.whenAvailable(30_000), true)
  const shardsOf = async (port: number) => {
    const owners = await Promise.all(shards.map((shard) => cluster.masterOf(slotOfShard(shard))))
    return shards.filter((shard) => owners[shard]?.port === port)
  }
  const said = (message: string) => logger.messages().filter((line) => line === message).length

  await t.test('commands reach all 16 shards, each on its own node', async (t) => {
    t.same(await Promise.all(shards.map((shard) => bump(link, shard))), Array(16).fill(1))
    await link.ping()
    t.equal((await link.info('server')).length, 3)
    const found: string[] = []
    for await (const page of link.scan('shop:*')) found.push(...page)
    t.same(found.toSorted(), shards.map(counter).toSorted())
    await t.rejects(
      link.run((redis) => redis.mget(keys.head(0), keys.head(1))),
      { message: /CROSSSLOT/ },
    )
    t.ok(link.available, 'what Redis answers opens nothing')
    await t.rejects(
      link.run((redis) => redis.ping(), 16),
      { name: 'RangeError' },
    )
  })

  await t.test('slots are reckoned as Redis does', async (t) => {
    for (const key of ['123456789', 'grüße', 'a{b}c{d}', '{}a', '{}{a}', 'a{{b}}', 'a{b', 'a}b{c}', '']) {
      const slot = await link.run((redis) => redis.callBuffer('CLUSTER', 'KEYSLOT', key))
      t.equal(slot, slotOf(key), JSON.stringify(key))
    }
  })

  await t.test('scripts run on every node by their SHA-1, with bytes both ways', async (t) => {
    const echo = scriptOf(t, 'return ARGV[1]')
    const bytes = Buffer.from([0, 255, 128])
    for (const shard of shards) {
      const run = () => link.run((redis) => runScriptBuffer(redis, echo, [keys.head(shard)], [bytes]), shard)
      t.same([await run(), await run()], [bytes, bytes])
      const text = link.run((redis) => runScript(redis, echo, [keys.head(shard)], ['x']), shard)
      t.equal(await text, 'x')
    }
  })

  await t.test('C1 a master has one connection for commands and one to listen, a replica none', async (t) => {
    const all = shards.map((shard) => listenTo(link, shard))
    await until('all are heard', () => all.every(({ heard }) => heard[0] === 'up'))
    const masters = await cluster.masters()
    for (const node of cluster.nodes) {
      const observer = new Redis(node.url)
      const names = String(await observer.client('LIST')).match(/ name=test\S+/g) ?? []
      observer.disconnect()
      const expected = masters.includes(node) ? [' name=test-1', ' name=test-1:subscriber'] : []
      t.same(names.toSorted(), expected)
    }
    for (const { leave } of all) await leave()
  })

  await t.test('sharded and plain channels deliver in order', async (t) => {
    const all = shards.map((shard) => listenTo(link, shard))
    const plain = listen(link, 'news')
    await until('all are heard', () => [...all, plain].every(({ heard }) => heard.length === 1))
    for (const shard of shards) for (const text of ['1', '2']) await publish(link, shard, `${shard}:${text}`)
    await link.run((redis) => redis.publish('news', 'hello'))
    await until('all has arrived', () => all.every(({ heard }) => heard.length === 3) && plain.heard[1])
    for (const shard of shards) t.same(all[shard]?.heard, ['up', `${shard}:1`, `${shard}:2`])
    t.same(plain.heard, ['up', 'hello'])
    for (const { leave } of [...all, plain]) await leave()
    t.equal(await publish(link, 3, 'nobody'), 0)
  })

  await t.test('whoever leaves the last channel of a kind leaves those of the others heard', async () => {
    for (const sharded of [true, false]) {
      const name = sharded ? 'news' : keys.channel(0)
      const stays = listen(link, name, { sharded: !sharded })
      const goes = listen(link, sharded ? keys.channel(0) : 'news', { sharded })
      await until('both are heard', () => stays.heard.length + goes.heard.length === 2)
      await goes.leave()
      await (sharded ? link.publish(name, 'hello') : publish(link, 0, 'hello'))
      await until('its message arrives', () => stays.heard[1] === 'hello')
      await stays.leave()
    }
  })

  await t.test(
    'a slot moves while it is written to: every write is done once, its channel moves',
    async (t) => {
      const shard = 4
      const from = await cluster.masterOf(slotOfShard(shard))
      const to = (await cluster.masters()).find((node) => node !== from) ?? from
      const ours = listenTo(link, shard)
      await until('it is heard', () => ours.heard.length === 1)
      let written = Number(await bump(link, shard))
      let moving = true
      const writer = (async () => {
        while (moving) t.equal(await bump(link, shard), ++written)
      })()
      await cluster.migrateSlot(slotOfShard(shard), to)
      await until('it is heard on the other node', () => ours.heard.join() === 'up,down,up')
      moving = false
      await writer
      await publish(link, shard, 'moved')
      await until('the message arrives', () => ours.heard.at(-1) === 'moved')
      t.equal(link.counts().topologyChanges, 1)
      t.equal(said('redis topology changed'), 1)
      t.ok(link.available)
      await ours.leave()
    },
  )

  await t.test('a slot moves while nothing is sent: its listener is told at once', async () => {
    const shard = 4
    const from = await cluster.masterOf(slotOfShard(shard))
    const to = (await cluster.masters()).find((node) => node !== from) ?? from
    const ours = listenTo(link, shard)
    await until('it is heard', () => ours.heard.length === 1)
    await cluster.migrateSlot(slotOfShard(shard), to)
    await until('it is heard on the other node', () => ours.heard.join() === 'up,down,up')
    await ours.leave()
  })

  await t.test(
    'a slot half moved: one key is found on either side, both sides at once are waited for',
    async (t) => {
      const shard = 3
      const [here, there] = ['a', 'b'].map((name) => keys.root(shard) + name)
      if (here === undefined || there === undefined) return
      const set = (key: string) => link.run((redis) => redis.set(key, key, 'PX', 60_000), shard)
      await Promise.all([set(here), set(there)])
      const from = await cluster.masterOf(slotOfShard(shard))
      const to = (await cluster.masters()).find((node) => node !== from) ?? from
      const migration = await cluster.beginMigration(slotOfShard(shard), to)
      await migration.moveKeys([there])
      t.equal(await link.run((redis) => redis.get(here), shard), here)
      t.equal(await link.run((redis) => redis.get(there), shard), there, 'by ASK')
      const both = () => link.run((redis) => redis.mget(here, there), shard)
      await t.rejects(both(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' }, 'no longer than the command timeout')
      await until('the shard is found again', () => link.available)
      const waiting = both()
      await migration.moveKeys([here])
      t.same(await waiting, [here, there], 'by TRYAGAIN')
      await migration.finish()
      t.same(await both(), [here, there])
    },
  )

  await t.test(
    'C2 a master that dies takes its shards away and no others, until its replica serves',
    async (t) => {
      const all = shards.map((shard) => listenTo(link, shard))
      await until('all are heard', () => all.every(({ heard }) => heard[0] === 'up'))
      // The node over which plain channels are heard.
      const victim = await cluster.masterOf(slotOfShard(0))
      const plain = listen(link, 'news')
      await until('it is heard', () => plain.heard.length === 1)
      const before = logger.lines.length
      const theirs = await shardsOf(victim.port)
      const others = shards.filter((shard) => !theirs.includes(shard))
      const back: number[] = []
      link.onAvailable((shard) => back.push(shard))
      const failover = cluster.failover(victim)
      await until('its channels are down', () => theirs.every((shard) => all[shard]?.heard.at(-1) === 'down'))
      await until('its shards are known to be away', () => !link.available)
      for (const shard of theirs) {
        await t.rejects(bump(link, shard), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
      }
      for (const shard of others) await t.resolves(bump(link, shard))
      await until('plain channels are heard over another node', () => plain.heard.length > 2)
      await failover
      await until('all shards are available', () => link.available)
      await until('all are heard again', () => all.every(({ heard }) => heard.at(-1) === 'up'))
      t.same(
        [...new Set(back)].toSorted((a, b) => a - b),
        theirs,
      )
      for (const shard of shards) await publish(link, shard, 'hello')
      await until('messages arrive', () => all.every(({ heard }) => heard.at(-1) === 'hello'))
      for (const shard of others) t.same(all[shard]?.heard, ['up', 'hello'])

      const lines = logger.lines.slice(before).filter(({ message }) => message !== 'redis connection error')
      const about = (text: string) =>
        lines.filter((line) => JSON.stringify(line.details).includes(text)).map(({ message }) => message)
      const lost = about(`"endpoint":"127.0.0.1:${victim.port}"`)
      t.same(lost, Array(3).fill('redis connection lost'), 'that for commands, and both to listen')
      t.same([...new Set(about('"slotsMoved"'))], ['redis topology changed'])
      await plain.leave()
      await Promise.all(all.map(({ leave }) => leave()))
    },
  )

  await t.test('a master that only hangs is found out by its listeners and by commands alike', async (t) => {
    const all = shards.map((shard) => listenTo(link, shard))
    await until('all are heard', () => all.every(({ heard }) => heard[0] === 'up'))
    const masters = await cluster.masters()
    const victim = masters.find((node) => cluster.nodes.indexOf(node) < 3) ?? masters[0]
    if (!victim) return
    const theirs = await shardsOf(victim.port)
    process.kill(victim.pid, 'SIGSTOP')
    await until('its channels are down', () => theirs.every((shard) => all[shard]?.heard.includes('down')))
    await t.rejects(bump(link, theirs[0] ?? 0), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
    await until('its replica serves', () => link.available)
    await until('all are heard again', () => all.every(({ heard }) => heard.at(-1) === 'up'))
    process.kill(victim.pid, 'SIGCONT')
    for (const shard of shards) await publish(link, shard, 'hello')
    await until('messages arrive', () => all.every(({ heard }) => heard.includes('hello')))
  })

  await t.test('the whole cluster hangs for a while', async (t) => {
    const all = shards.map((shard) => listenTo(link, shard))
    await until('all are heard', () => all.every(({ heard }) => heard[0] === 'up'))
    const living = cluster.nodes.filter(({ pid }) => runs(pid))
    for (const { pid } of living) process.kill(pid, 'SIGSTOP')
    await Promise.all(
      shards.map((shard) => t.rejects(bump(link, shard), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })),
    )
    await until('its silence is noticed', () => all.every(({ heard }) => heard.at(-1) === 'down'))
    for (const { pid } of living) process.kill(pid, 'SIGCONT')
    await until('all shards are available', () => link.available)
    await until('all are heard again', () => all.every(({ heard }) => heard.at(-1) === 'up'))
  })

  await t.test('the whole cluster ends: commands fail at once, and nothing breaks', async (t) => {
    await cluster.stop()
    await until('no shard is available', async () => {
      const outcomes = await Promise.allSettled(shards.map((shard) => bump(link, shard)))
      return outcomes.every(({ status }) => status === 'rejected')
    })
    const begun = performance.now()
    await t.rejects(bump(link, 0), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
    t.ok(performance.now() - begun < 2500, 'sooner than by their timeout')
    await t.rejects(link.ping(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
    await t.rejects(link.info('server'), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  })
})

await test('a node that is asked for a key on its way, and goes away, costs a command and no more', async (t) => {
  const cluster = await testCluster(t, { replicasPerMaster: 0, nodeTimeout: 30_000 })
  const { link } = openLink(t, {
    REDIS_CLUSTER_NODES: cluster.addresses,
    REDIS_COMMAND_TIMEOUT: '1500ms',
  })
  await link.whenAvailable(30_000)
  const key = counter(0)
  const read = () => link.run((redis) => redis.get(key))
  await bump(link, 0)
  const from = await cluster.masterOf(slotOf(key))
  const to = (await cluster.masters()).find((node) => node !== from) ?? from
  const migration = await cluster.beginMigration(slotOf(key), to)
  await migration.moveKeys([key])
  t.equal(await read(), '1', 'by ASK')
  process.kill(to.pid, 'SIGSTOP')
  const { lost } = link.counts().commands
  await t.rejects(read(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  await until('the connection is given up', () => link.counts().commands.lost > lost)
  process.kill(to.pid, 'SIGCONT')
  await until('the key is read again', async () => (await read()) === '1')
})

await test('C3 no node of a cluster answers: opening neither waits nor fails', async (t) => {
  const { link, logger } = openLink(t, { REDIS_CLUSTER_NODES: '127.0.0.1:1' })
  const { heard } = listenTo(link, 0)
  await t.rejects(bump(link, 0), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  await until('attempts are made', () => link.counts().commands.errors > 2)
  t.equal(link.available, false)
  t.equal(await link.whenAvailable(10), false)
  t.same(logger.messages(), ['redis connection error'])
  t.same(heard, [])
})

/** Whether a process is there. */
function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
