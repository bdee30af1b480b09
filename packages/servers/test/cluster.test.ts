import { test } from 'tap'
import { startCluster } from '../src/index.ts'
import { ask, askText } from '../src/redis/resp.ts'
import { allGone, familyOf } from './processes.ts'

await test('a Redis Cluster: slots move, masters are replaced, nothing stays', async (t) => {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const masters = await cluster.masters()
  const [first, second] = masters
  t.equal(cluster.nodes.length, 6)
  t.equal(masters.length, 3)
  if (!first || !second) return

  // `foo` is in slot 12182 and `{foo}2` with it.
  const slot = 12_182
  const from = await cluster.masterOf(slot)
  const to = masters.find((node) => node !== from) ?? from
  for (const key of ['foo', '{foo}2']) await ask(from.port, ['SET', key, key])

  await t.test('a slot half moved asks for patience', async (t) => {
    const migration = await cluster.beginMigration(slot, to)
    await migration.moveKeys(['{foo}2'])
    await t.rejects(ask(from.port, ['GET', '{foo}2']), { message: new RegExp(`^ASK ${slot} .*:${to.port}$`) })
    await t.rejects(ask(from.port, ['MGET', 'foo', '{foo}2']), { message: /^TRYAGAIN|^ASK/ })
    t.equal(await ask(from.port, ['GET', 'foo']), 'foo')
    await migration.finish()
    t.equal(await ask(to.port, ['GET', 'foo']), 'foo')
    await t.rejects(ask(from.port, ['GET', 'foo']), { message: new RegExp(`^MOVED ${slot} .*:${to.port}$`) })
  })

  await t.test('a slot moves back with its keys, and all know', async (t) => {
    await cluster.migrateSlot(slot, from)
    t.equal(await cluster.masterOf(slot), from)
    t.same(await ask(from.port, ['MGET', 'foo', '{foo}2']), ['foo', '{foo}2'])
    for (const { port } of cluster.nodes.filter((node) => node !== from)) {
      await t.rejects(ask(port, ['GET', 'foo']), { message: new RegExp(`^MOVED ${slot} .*:${from.port}$`) })
    }
  })

  await t.test('a master that is killed is replaced by its replica', async (t) => {
    const successor = await cluster.failover(from)
    t.notOk(masters.includes(successor))
    t.equal(await cluster.masterOf(slot), successor)
    t.equal(await askText(successor.port, 'SET', 'foo', 'again'), 'OK')
  })

  const families = cluster.nodes.flatMap(({ pid }) => familyOf(pid))
  await cluster.stop()
  t.same(await allGone(families), [])
})
