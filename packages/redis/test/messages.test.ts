import { recordingLogger, type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'
import { type Decode, type Messages, openMessages } from '../src/index.ts'
import { openBoth, openLink } from './links.ts'
import { text } from './structures.ts'

async function setUp(t: Teardown, options: { queue?: number } = {}) {
  const both = await openBoth(t)
  const logger = recordingLogger()
  return { ...both, logger, messages: openMessages(both.link, { logger, ...options }) }
}

/** Subscribes and waits until it is heard; what came is in the order in which handlers began. */
async function subscribed<T>(
  messages: Messages,
  channel: string,
  decode: Decode<T>,
  handler: (value: T, channel: string) => void | Promise<void> = () => {},
) {
  const came: [channel: string, value: T][] = []
  const up = Promise.withResolvers<void>()
  const pattern = channel.includes('*')
  const leave = messages[pattern ? 'subscribePattern' : 'subscribe'](
    channel,
    decode,
    (value, from) => {
      came.push([from, value])
      return handler(value, from)
    },
    { up: up.resolve },
  )
  await up.promise
  return { came, leave }
}

await test('P1 texts and typed objects are published, and their receivers are counted', async (t) => {
  const { messages, redis } = await setUp(t)
  const other = openLink(t, { REDIS_URL: redis.url })
  const elsewhere = openMessages(other.link, { logger: other.logger })
  t.equal(await messages.publish('news', 'hello'), 0)
  const decode = (value: unknown): { id: number } => {
    if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'number') {
      return { id: value.id }
    }
    throw new TypeError('no order')
  }
  const texts = await subscribed(messages, 'news', text)
  const orders = await subscribed(messages, 'orders', decode)
  const theirs = await subscribed(elsewhere, 'orders', decode)
  t.equal(await messages.publish('news', 'grüße\n'), 1)
  t.equal(await messages.publish('orders', { id: 7, extra: true }), 2)
  await until('all have come', () => texts.came.length + orders.came.length + theirs.came.length === 3)
  t.same(texts.came, [['news', 'grüße\n']])
  t.same(orders.came, [['orders', { id: 7 }]])
  t.same(theirs.came, orders.came)
  await t.rejects(messages.publish('news', undefined), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
})

await test('P2 a channel, and a pattern that takes in many', async (t) => {
  const { messages, raw } = await setUp(t)
  const one = await subscribed(messages, 'user:1', text)
  const all = await subscribed(messages, 'user:*', text)
  t.equal(await messages.publish('user:1', 'a'), 2)
  t.equal(await messages.publish('user:2', 'b'), 1)
  t.equal(await messages.publish('users', 'c'), 0)
  t.equal(await raw.publish('user:3', '"from elsewhere"'), 1)
  await until('all have come', () => all.came.length === 3)
  t.same(all.came, [
    ['user:1', 'a'],
    ['user:2', 'b'],
    ['user:3', 'from elsewhere'],
  ])
  t.same(one.came, [['user:1', 'a']])
  await all.leave()
  await one.leave()
  t.equal(await messages.publish('user:1', 'd'), 0)
  t.same(await raw.pubsub('CHANNELS'), [])
  t.equal(await raw.pubsub('NUMPAT'), 0)
})

await test('P3 the messages of a channel are handled one after another, in order', async (t) => {
  const { messages } = await setUp(t)
  let running = 0
  const ended: string[] = []
  const ours = await subscribed(messages, 'user:*', text, async (value) => {
    t.equal(++running, 1, 'none begins before the last has ended')
    // Later ones would overtake, if they could.
    for (let turn = 10 - Number(value); turn > 0; turn--) await new Promise(setImmediate)
    running--
    ended.push(value)
  })
  const numbers = Array.from({ length: 10 }, (_, n) => `${n}`)
  for (const n of numbers) await messages.publish('user:1', n)
  await until('all are handled', () => ended.length === 10)
  t.same(ended, numbers)
  t.same(
    ours.came.map(([, value]) => value),
    numbers,
  )
})

await test('P3 channels do not wait for each other, nor one handler for another', async (t) => {
  const { messages } = await setUp(t)
  const gate = Promise.withResolvers<void>()
  const slow = await subscribed(messages, 'user:*', text, (_, channel) =>
    channel === 'user:1' ? gate.promise : undefined,
  )
  const quick = await subscribed(messages, 'user:1', text)
  for (const channel of ['user:1', 'user:1', 'user:2', 'user:2']) await messages.publish(channel, 'x')
  await until('the others are handled', () => slow.came.length === 3 && quick.came.length === 2)
  t.same(
    slow.came.map(([channel]) => channel),
    ['user:1', 'user:2', 'user:2'],
  )
  gate.resolve()
  await until('the rest is handled', () => slow.came.length === 4)
})

await test('P3 a handler that fails is logged with its channel, and the next message is handled', async (t) => {
  const { messages, logger } = await setUp(t)
  const ours = await subscribed(messages, 'user:*', text, (value) => {
    if (value === 'throws') throw new Error('thrown')
    return value === 'rejects' ? Promise.reject(new Error('rejected')) : undefined
  })
  for (const value of ['throws', 'rejects', 'good']) await messages.publish('user:1', value)
  await until('all were handled', () => ours.came.length === 3)
  t.match(logger.lines, [
    { level: 'error', details: { channel: 'user:1', err: { message: 'thrown' } } },
    { level: 'error', details: { channel: 'user:1', err: { message: 'rejected' } } },
  ])
  t.same(logger.messages(), Array(2).fill('message handler failed'))
})

await test('P3 what cannot be read is logged without its text, and skipped', async (t) => {
  const { messages, raw, logger } = await setUp(t)
  const ours = await subscribed(messages, 'news', text)
  for (const payload of ['secret no JSON', '', '{"secret":1}', '"good"']) await raw.publish('news', payload)
  await until('the good one has come', () => ours.came.length === 1)
  t.same(
    logger.lines.map(({ details }) => details),
    [
      { channel: 'news', reason: 'it is not JSON' },
      { channel: 'news', reason: 'it is not JSON' },
      { channel: 'news', reason: 'not a text' },
    ],
  )
  t.notMatch(JSON.stringify(logger.lines), /secret/)
})

await test('P3 beyond its queue a slow handler loses the oldest, counted and logged once', async (t) => {
  const { messages, logger, link } = await setUp(t, { queue: 3 })
  let gate = Promise.withResolvers<void>()
  const ours = await subscribed(messages, 'news', text, () => gate.promise)
  const flood = async (values: string) => {
    for (const value of values) await messages.publish('news', value)
    await link.channels.caughtUp()
  }
  await flood('abcdefg')
  t.equal(messages.dropped, 3)
  t.same(logger.messages(), ['message handler is too slow, and the oldest are dropped'])
  gate.resolve()
  await until('the rest is handled', () => ours.came.length === 4)
  t.same(ours.came.map(([, value]) => value).join(''), 'aefg')
  gate = Promise.withResolvers()
  await flood('hijkl')
  t.equal(messages.dropped, 4)
  t.equal(logger.lines.length, 2, 'and once more the next time')
  gate.resolve()
  await until('all is handled', () => ours.came.at(-1)?.[1] === 'l')
  t.throws(() => openMessages(link, { logger, queue: 0 }), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
})

await test('whoever leaves has no handler begun any more', async (t) => {
  const { messages, link } = await setUp(t)
  const gate = Promise.withResolvers<void>()
  const ours = await subscribed(messages, 'news', text, () => gate.promise)
  for (const value of ['a', 'b', 'c']) await messages.publish('news', value)
  await link.channels.caughtUp()
  const left = ours.leave()
  gate.resolve()
  await left
  await ours.leave()
  const again = await subscribed(messages, 'news', text)
  await messages.publish('news', 'd')
  await until('it has come', () => again.came.length === 1)
  t.same(ours.came, [['news', 'a']])
})

await test('P4 closing unsubscribes from all, and handles what was published before', async (t) => {
  const { messages, raw, logger } = await setUp(t)
  const gate = Promise.withResolvers<void>()
  const ended: string[] = []
  const slowly = async (value: string) => {
    await gate.promise
    ended.push(value)
  }
  await subscribed(messages, 'news', text, slowly)
  await subscribed(messages, 'user:*', text, slowly)
  for (let n = 0; n < 50; n++) await raw.publish(n % 2 === 0 ? 'news' : `user:${n}`, `"${n}"`)
  let closed = false
  const closing = messages.close({ deadline: '1h' }).then(() => {
    closed = true
  })
  const subscriptions = async () => [await raw.pubsub('CHANNELS'), await raw.pubsub('NUMPAT')]
  await until('all are left', async () => JSON.stringify(await subscriptions()) === '[[],0]')
  t.equal(closed, false)
  gate.resolve()
  await closing
  t.equal(ended.length, 50)
  t.throws(() => messages.subscribe('news', text, () => {}), { code: 'LOCKSTEP_REDIS_MESSAGES_CLOSED' })
  t.throws(() => messages.subscribePattern('n*', text, () => {}), { code: 'LOCKSTEP_REDIS_MESSAGES_CLOSED' })
  t.equal(await messages.publish('news', 'x'), 0, 'what others hear can still be said')
  await messages.close()
  t.same(logger.messages(), [])
})

await test('P4 closing waits no longer than its deadline', async (t) => {
  const { messages, logger, link } = await setUp(t)
  const gate = Promise.withResolvers<void>()
  const ours = await subscribed(messages, 'news', text, () => gate.promise)
  for (const value of ['a', 'b', 'c']) await messages.publish('news', value)
  await link.channels.caughtUp()
  await t.rejects(messages.close({ deadline: -1 }), { code: 'LOCKSTEP_DURATION_INVALID' })
  await messages.close({ deadline: '200ms' })
  t.match(logger.lines, [{ level: 'warn', details: { channels: 1, messages: 2 } }])
  gate.resolve()
  await new Promise(setImmediate)
  t.same(ours.came, [['news', 'a']])
})

await test('P4 closing does not wait for a Redis that has gone', async (t) => {
  const { messages, redis } = await setUp(t)
  await subscribed(messages, 'news', text)
  await redis.kill()
  await messages.close()
  await t.rejects(messages.publish('news', 'x'), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
})

await test('P2 a lost connection is told, and channels and patterns are heard again', async (t) => {
  const { messages, raw, logger } = await setUp(t)
  const told: string[] = []
  const came: string[] = []
  for (const way of ['subscribe', 'subscribePattern'] as const) {
    messages[way]('news', text, (value) => void came.push(`${way} ${value}`), {
      up: () => void told.push(`${way} up`),
      down: () => void told.push(`${way} down`),
    })
  }
  // One that fails must keep the others from nothing.
  messages.subscribe('news', text, () => {}, {
    up() {
      throw new Error('thrown')
    },
    down: () => Promise.reject(new Error('rejected')),
  })
  await until('both are heard', () => told.length === 2)
  await raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('both are heard again', () => told.length === 6)
  t.same(told.slice(2, 4).toSorted(), ['subscribe down', 'subscribePattern down'])
  t.same(told.slice(4).toSorted(), ['subscribe up', 'subscribePattern up'])
  t.equal(await messages.publish('news', 'again'), 2)
  await until('both have it', () => came.length === 2)
  t.same(came.toSorted(), ['subscribe again', 'subscribePattern again'])
  t.same(logger.messages(), Array(3).fill('message presence handler failed'))
})
