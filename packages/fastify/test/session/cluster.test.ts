import { testCluster, until } from '@lockstep/testing'
import { test } from 'tap'
import type { Ended } from '../../src/index.ts'
import { browser, openApp } from './fleet.ts'
import { keysIn } from './redis.ts'

await test('S1 on a Redis Cluster: everything of a user in one shard, users over all of them', async (t) => {
  const cluster = await testCluster(t, { replicasPerMaster: 0 })
  const env = { REDIS_CLUSTER_NODES: cluster.addresses }
  const [one, two] = [await openApp(t, env), await openApp(t, env)]
  const heard: Ended[] = []
  two.app.sessions.onEnded((ended) => heard.push(ended))
  await until('all shards are heard', () => heard.length >= two.link.shards)
  const users = Array.from({ length: 12 }, (_, n) => `user-${n}`)
  for (const user of users) {
    const client = browser(one)
    t.match(await client.post('/save', { cart: user }), { status: 200 })
    const planted = { ...client.jar }
    t.match(await client.post('/login', { user, data: { n: 1 } }), { status: 200 })
    t.match(await browser(two, planted).get('/me'), { status: 401 })
    const old = { ...client.jar }
    t.match(await client.post('/login', { user, data: { n: 2 } }), { status: 200 })
    t.match(await browser(two, old).get('/me'), { status: 401 })
    t.match(await browser(two, client.jar).get('/me'), { status: 200, body: { user, data: { n: 2 } } })
    t.match(await client.post('/save', { n: 3 }), { status: 200 })
    t.equal((await two.app.sessions.list(user)).length, 1)
  }
  const shards = new Set((await keysIn(one.link, 'shop:*sessions:*')).map((key) => key.split(':')[1]))
  t.ok(shards.size > 3, `they lie in ${shards.size} shards`)
  for (const user of users) t.equal(await one.app.sessions.endAll(user), 1)
  for (const user of users) {
    await until(`${user} is heard of`, () =>
      heard.some((ended) => ended.kind === 'all' && ended.user === user),
    )
  }
})
