import { keySpace } from '@lockstep/redis'
import { testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { redisTransport } from '../../src/redis/transport.ts'
import { openLink } from './links.ts'
import { LONG, NOTE, what } from './material.ts'

const follows = async (raw: Redis) => (await raw.info('replication')).includes('master_link_status:up')

await test('a primary that was demoted and promoted again, and lost writes on the way, begins a new history', async (t) => {
  const [first, second] = [await testRedis(t), await testRedis(t)]
  const raws = [new Redis(first.url), new Redis(second.url)]
  const [one, two] = raws
  if (!one || !two) throw new Error('no connections')
  t.teardown(() => raws.forEach((raw) => raw.disconnect()))
  for (const raw of raws) await raw.config('SET', 'repl-diskless-sync-delay', '0')
  const link = await openLink(t, { REDIS_URL: first.url })
  const { store } = redisTransport(link, { prefix: 'shop' })

  await two.replicaof('127.0.0.1', first.port)
  await until('the second follows', () => follows(two))
  // The first replica gives a primary another replication id: history begins here.
  const { head } = await store.probe(0, 'r', LONG, false)
  await store.invalidate(0, what({ tags: ['kept'] }), NOTE)
  const kept = await one.get(keySpace('shop').head(0))
  await until('it has the head', async () => (await two.get(keySpace('shop').head(0))) === kept)
  await two.replicaof('NO', 'ONE')
  const lost = await store.invalidate(0, what({ tags: ['lost'] }), NOTE)
  await one.replicaof('127.0.0.1', second.port)
  await until('the first follows', () => follows(one))
  await one.replicaof('NO', 'ONE')

  const rolledBack = await until('it answers', () => store.read(0, []))
  t.same(rolledBack.head?.incarnation, head.incarnation)
  t.ok((rolledBack.head?.seq ?? 0) < lost.head.seq, 'an invalidation is lost, and nothing shows it')
  t.not((await store.probe(0, 'r', LONG, false)).head.incarnation, head.incarnation, 'but the probe')
})
