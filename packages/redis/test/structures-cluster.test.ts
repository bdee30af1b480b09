import { testCluster, until } from '@lockstep/testing'
import { test } from 'tap'
import { slotOf } from '../src/crc16.ts'
import { openKeys, openMessages } from '../src/index.ts'
import { openLink } from './links.ts'
import { callsOf, openAll, text } from './structures.ts'

const ids = Array.from({ length: 40 }, (_, n) => `${n}`)

await test('structures and messages on a Cluster', async (t) => {
  const cluster = await testCluster(t)
  const { link } = openLink(t, { REDIS_CLUSTER_NODES: cluster.addresses })
  await link.whenAvailable(30_000)
  const keys = openKeys(link, { prefix: 'shop' })
  const all = openAll(link)

  const found = async (pattern: string): Promise<string[]> => {
    const names: string[] = []
    for await (const page of keys.scan(pattern)) names.push(...page)
    return [...new Set(names)]
  }

  await t.test('D1 D2 D3 D4 every method works', async () => {
    for (const calls of Object.values(callsOf(all))) {
      for (const call of Object.values(calls)) await call()
    }
    await keys.flush({ confirm: 'shop' })
  })

  await t.test('D2 D4 keys are spread over shards, each with its guards', async (t) => {
    const once = { id: 'e', ttl: '1m' } as const
    for (const id of [...ids, ...ids]) {
      await all.list.push(id, 'x', { once })
      await all.sorted.add(id, 'm', 1, { once })
      await all.feed.append(id, 'x', { once })
    }
    for (const id of ids) {
      t.equal(await all.list.length(id), 1)
      t.equal(await all.sorted.score(id, 'm'), 1)
      t.equal((await all.feed.after(id, undefined, 9)).length, 1)
    }
    const names = await found('*')
    t.equal(names.length, 6 * ids.length)
    t.ok(new Set(names.map((name) => slotOf(name))).size > 8)
  })

  await t.test('D3 what sets have in common is found, wherever their names would be', async (t) => {
    for (const id of ids) await all.set.add(id, 'all', id)
    for (const id of ids) t.same(await all.set.common(id, '0'), id === '0' ? ['0', 'all'] : ['all'])
    t.equal(new Set((await found('set:*')).map((name) => slotOf(name))).size, 1)
  })

  await t.test('D5 keys are found and removed on every node', async (t) => {
    t.equal((await found('list:inbox:*')).length, ids.length)
    t.equal(await keys.removeByPrefix('list:inbox:'), ids.length)
    t.same(await found('list:*'), [])
    t.ok((await keys.flush({ confirm: 'shop' })) > 4 * ids.length)
    t.same(await found('*'), [])
  })

  await t.test('P1 P2 receivers of all processes are counted; a node that goes away is told', async (t) => {
    const came: string[] = []
    const told: string[] = []
    const links = [link, ...[1, 2].map(() => openLink(t, { REDIS_CLUSTER_NODES: cluster.addresses }).link)]
    await Promise.all(links.map((one) => one.whenAvailable(30_000)))
    const services = links.map((one) => openMessages(one, { logger: console }))
    for (const [n, messages] of services.entries()) {
      messages.subscribePattern(
        'user:*',
        text,
        (value, channel) => void came.push(`${n} ${channel} ${value}`),
        {
          up: () => void told.push(`${n} up`),
          down: () => void told.push(`${n} down`),
        },
      )
      messages.subscribe('user:1', text, (value) => void came.push(`${n} ${value}`))
    }
    await until('each is told', () => told.length === 3)
    await until('all are heard', async () => (await services[0]?.publish('user:1', 'probe')) === 6)
    for (const messages of services) t.equal(await messages.publish('user:1', 'x'), 6)
    t.equal(await services[0]?.publish('user:2', 'y'), 3)
    await until('all have come', () => came.filter((line) => !line.endsWith('probe')).length === 21)
    t.equal(came.filter((line) => line.endsWith('user:2 y')).length, 3)

    const home = await cluster.masterOf(slotOf('{0}'))
    const failover = cluster.failover(home)
    await until('it is told', () => told.filter((line) => line.endsWith('down')).length >= 3)
    await failover
    await until(
      'all are heard again, and counted',
      async () => (await services[1]?.publish('user:1', 'z')) === 6,
    )
    await services[2]?.publish('user:7', 'after')
    const after = [0, 1, 2].map((n) => `${n} user:7 after`)
    await until('messages come again', () => after.every((line) => came.includes(line)))
    await Promise.all(services.map((messages) => messages.close()))
    t.equal(await services[0]?.publish('user:1', 'x'), 0)
  })
})
