import { test } from 'tap'
import { crc16, slotOf } from '../src/crc16.ts'
import { keySpace } from '../src/index.ts'

await test('K9 keys are built in one place', async (t) => {
  const keys = keySpace('shop')
  t.equal(keys.root(0), 'shop:{0}:')
  t.equal(keys.entry('books:v1:42'), 'shop:{0}:books:v1:42')
  t.equal(keys.lease('books:v1:42'), 'shop:{0}:lease:books:v1:42')
  t.equal(keys.value('visits'), 'shop:{0}:value:visits')
  t.equal(keys.of('lock', 'order:42'), 'shop:{0}:lock:order:42')
  t.equal(keys.wake(0, 'a1'), 'shop:{0}:wake:a1')
  t.same(
    [keys.head(0), keys.log(0), keys.markers(0), keys.server(0), keys.intents(0), keys.replicas(0)],
    [
      'shop:{0}:head',
      'shop:{0}:log',
      'shop:{0}:markers',
      'shop:{0}:server',
      'shop:{0}:intents',
      'shop:{0}:replicas',
    ],
  )
  t.equal(keys.channel(0), 'cache:invalidate')
  t.throws(() => keys.head(1), { name: 'RangeError' })
})

await test('the shard of a name is CRC16 as Redis Cluster has it, and never changes', async (t) => {
  t.equal(crc16('123456789'), 0x31c3, 'the check value of CRC-16/XMODEM')
  const keys = keySpace('shop', 16)
  const golden = { 'books:v1:42': 11, 'books:v1:7': 12, 'authors:v1:borges': 7, 'grüße:v1:1': 8 }
  t.same(Object.fromEntries(Object.keys(golden).map((name) => [name, keys.shardOf(name)])), golden)
  t.equal(keySpace('shop').shardOf('books:v1:42'), 0)
})

await test('all keys of a shard and its channel are in one slot, as Redis reckons it', async (t) => {
  const keys = keySpace('shop', 16)
  const name = 'books:v1:42'
  const shard = keys.shardOf(name)
  const named = [
    keys.entry(name),
    keys.lease(name),
    keys.value(name),
    keys.of('lock', name),
    keys.wake(shard, 'a1'),
  ]
  const state = [keys.head, keys.log, keys.markers, keys.intents, keys.replicas, keys.channel]
  const all = named.concat(state.map((key) => key(shard)))
  t.same(new Set(all.map(slotOf)), new Set([slotOf(String(shard))]))
  t.equal(keys.channel(3), 'cache:invalidate:{3}')
  // From the Redis Cluster specification, and from CLUSTER KEYSLOT.
  t.equal(slotOf('123456789'), 12_739)
  t.equal(slotOf('foo{bar}{zap}'), slotOf('bar'))
  t.equal(slotOf('foo{}{bar}'), crc16('foo{}{bar}') % 16_384)
  t.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'))
  t.equal(slotOf('shop:{0}:head'), 13_907)
})
