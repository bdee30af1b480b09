import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { redisBus } from '../../src/redis/bus.ts'
import { openLink } from './links.ts'

/** The channels of a link with so many shards, which a test plays. */
function fakeLink(shards: number) {
  const channels = new Map<string, { up(): void; down(): void; message(payload: string): void }>()
  const sharded = new Set<string>()
  const link = {
    shards,
    channels: {
      listen(
        channel: string,
        listener: { up(): void; down(): void; message(payload: string): void },
        options = {},
      ) {
        channels.set(channel, listener)
        if ('sharded' in options) sharded.add(channel)
        return async () => void channels.delete(channel)
      },
      listenPattern: () => async () => {},
      caughtUp: async () => {},
    },
    run: () => Promise.reject(new Error('not now')),
  }
  return { link, channels, sharded }
}

await test('on a Cluster it is up while every channel is', async (t) => {
  const { link, channels, sharded } = fakeLink(2)
  const told: string[] = []
  const leave = redisBus(link, 'shop').listen({
    up: () => told.push('up'),
    down: () => told.push('down'),
    message: (payload) => told.push(payload),
  })
  const all = ['cache:invalidate', 'cache:invalidate:{0}', 'cache:invalidate:{1}']
  t.same([...channels.keys()], all)
  t.same([...sharded], all.slice(1), 'foreign programs publish on the plain one')
  const [plain, first, second] = all.map((channel) => channels.get(channel))
  plain?.up()
  first?.up()
  t.same(told, [])
  second?.up()
  t.same(told, ['up'])
  first?.message('a')
  plain?.message('b')
  first?.down()
  plain?.down()
  t.same(told, ['up', 'a', 'b', 'down'], 'down is said once')
  first?.up()
  t.equal(told.length, 4)
  plain?.up()
  plain?.up()
  t.same(told.slice(4), ['up'])
  await leave()
  t.equal(channels.size, 0)
})

await test('on one Redis there is the one channel', async (t) => {
  const { link, channels, sharded } = fakeLink(1)
  redisBus(link, 'shop').listen({ up() {}, down() {}, message() {} })
  t.same([...channels.keys(), ...sharded], ['cache:invalidate'])
})

await test('whoever cannot be heard in time is told so', async (t) => {
  const { link, channels } = fakeLink(1)
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const bus = redisBus(link, 'shop')
  await t.rejects(
    bus.listenTo('writer', () => {}),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )
  t.equal(channels.size, 0, 'and no longer listened for')
  await t.rejects(bus.tell('writer', 'x'), { message: 'not now' })
})

await test('acknowledgements of two instances on one Redis do not mix', async (t) => {
  const { url } = await testRedis(t)
  const link = await openLink(t, { REDIS_URL: url })
  const heard: string[] = []
  t.teardown(await redisBus(link, 'shop').listenTo('writer', (payload) => heard.push(payload)))
  await redisBus(link, 'bank').tell('writer', 'of the bank')
  await redisBus(link, 'shop').tell('writer', 'of the shop')
  const last = Promise.withResolvers<void>()
  t.teardown(await redisBus(link, 'shop').listenTo('last', () => last.resolve()))
  await redisBus(link, 'shop').tell('last', '')
  await last.promise
  t.same(heard, ['of the shop'])
})
