import { test } from 'tap'
import { type Book, type Fleet, fleet, settle } from './fleet.ts'

/** Holds back what a replica sends, until told. */
function hold({ a }: Pick<Fleet, 'a'>) {
  const gate = Promise.withResolvers<void>()
  const { invalidate } = a.store
  a.store.invalidate = async (...args) => {
    await gate.promise
    return invalidate(...args)
  }
  return gate.resolve
}

const tags = () => ['fresh']
const past = { from: 'source', stored: false, degraded: 'invalidating' }

for (const [what, write] of Object.entries({
  'an entry': ({ a }: Fleet) => a.books.invalidate(42),
  'its tag': ({ a }: Fleet) => a.cache.invalidateTags(['fresh']),
  'its prefix': ({ a }: Fleet) => a.cache.invalidatePrefix('books:v1:4'),
  'its cache': ({ a }: Fleet) => a.books.clear(),
})) {
  await test(`G3 while an invalidation of ${what} is on its way, its own process keeps nothing of it`, async (t) => {
    const made = await fleet({ define: { tags } })
    const { a, source } = made
    await a.books.get(42)
    await settle()
    const release = hold(made)
    source.set(42, { title: 'second' })
    const sent = write(made)
    const reading = await a.books.read(42)
    t.match(reading, { ...past, value: { title: 'second' } })
    release()
    t.match(await sent, { outcome: 'applied' })
    t.match(await a.books.read(42), { value: { title: 'second' } })
    t.match(await a.books.read(42), { from: 'l1', value: { title: 'second' } }, 'and from then on again')
  })
}

await test('G3 a process does not read from L2 what it has just invalidated', async (t) => {
  for (const bypass of [true, false]) {
    const made = await fleet({ guards: { bypass } })
    const { a, source } = made
    await a.books.get(42)
    await settle()
    const release = hold(made)
    source.set(42, { title: 'second' })
    const sent = a.books.invalidate(42)
    if (bypass) t.match(await a.books.read(42), { ...past, value: { title: 'second' } })
    else
      t.match(await a.books.read(42), { from: 'l2', value: { title: 'first' } }, 'without the guard it would')
    release()
    await sent
  }
})

await test('G3 reads of many past a write that is pending stay past it, though it ends before they do', async (t) => {
  const { a, source, server } = await fleet()
  await a.books.get(42)
  await settle()
  a.net.away = true
  source.set(42, { title: 'second' })
  t.match(await a.books.invalidate(42), { outcome: 'pending' })
  a.net.away = false
  const gate = Promise.withResolvers<void>()
  const { read } = a.store
  a.store.read = async (...args) => {
    const reply = server.shard.read(args[1])
    a.store.read = read
    await gate.promise
    return reply
  }
  const reading = a.books.getMany([42])
  await settle()
  a.net.restore()
  await settle()
  t.equal(a.cache.stats().pending, 0)
  gate.resolve()
  t.match(await reading, [{ title: 'second' }])
})

await test('G3 a fence stands until the last of those who put it up is done', async (t) => {
  const made = await fleet()
  const { a } = made
  const gates: (() => void)[] = []
  const { invalidate } = a.store
  a.store.invalidate = async (...args) => {
    await new Promise<void>((resolve) => gates.push(resolve))
    return invalidate(...args)
  }
  const one = a.books.invalidate(42)
  await settle()
  const other = a.books.invalidate(42)
  await settle()
  gates[0]?.()
  await one
  t.match(await a.books.read(42), past, 'the second is still on its way')
  gates[1]?.()
  await other
  t.match(await a.books.read(42), { stored: true })
})

await test('G3 also for a cache that is defined while its clear is on its way', async (t) => {
  const made = await fleet()
  const { a } = made
  const release = hold(made)
  const clear = a.cache.invalidate({ caches: [{ name: 'films:v1' }] })
  const films = a.cache.define<number, Book>({
    name: 'films',
    version: 1,
    key: (id) => id,
    load: async () => ({ title: 'x' }),
    ttl: '1m',
  })
  t.match(await films.read(1), past)
  release()
  await clear
  t.match(await films.read(1), { stored: true })
})

await test('G3 the token of a write keeps another process from reading anything older', async (t) => {
  const { a, b, source } = await fleet({ size: 2 })
  await b.books.get(42)
  b.net.deaf = true
  source.set(42, { title: 'second' })
  const { token } = await a.books.invalidate(42)
  t.match(await b.books.read(42), { from: 'l1', value: { title: 'first' } }, 'it has not heard')
  t.match(await b.books.read(42, { after: token }), { value: { title: 'second' }, stored: true })
  t.match(await b.books.get(42), { title: 'second' }, 'and now it has')
})

await test('G3 the token of a tag does so, too', async (t) => {
  const { a, b, source } = await fleet({ size: 2, define: { tags } })
  await b.books.get(42)
  b.net.deaf = true
  source.set(42, { title: 'second' })
  const { token } = await a.cache.invalidateTags(['fresh'])
  t.match(await b.books.get(42, { after: token }), { title: 'second' })
})

await test('G3 with Redis away, a token leads to the source; so does the empty one of a write that waits', async (t) => {
  const { a, b, source } = await fleet({ size: 2 })
  await b.books.get(42)
  await settle()
  b.net.away = true
  b.net.deaf = true
  source.set(42, { title: 'second' })
  const { token } = await a.books.invalidate(42)
  t.match(await b.books.read(42, { after: token }), {
    from: 'source',
    value: { title: 'second' },
    degraded: 'l2-away',
  })
  a.net.away = true
  const waits = await a.books.invalidate(42)
  t.match(waits, { outcome: 'pending', token: '' })
  b.net.away = false
  t.match(await b.books.read(42, { after: waits.token }), { from: 'source', value: { title: 'second' } })
})

await test('G3 a token of a history that was lost is reached by the history after it', async (t) => {
  const { a, b, server, pass } = await fleet({ size: 2 })
  const { token } = await a.books.invalidate(42)
  server.shard.rotate(server.shard.state.head?.incarnation ?? 0)
  await pass(1000)
  t.match(await b.books.read(42, { after: token }), { value: { title: 'first' }, stored: true })
})

await test('G3 a token of a history that Redis fell back from is not reached by the one before it', async (t) => {
  const { a, server, source, join, pass } = await fleet()
  await a.books.get(42)
  await settle()
  const { head, entries } = server.shard.state
  const before = { ...server.shard.state, head, entries: new Map(entries) }
  source.set(42, { title: 'second' })
  server.shard.rotate(head?.incarnation ?? 0)
  await pass(1000)
  const { token } = await a.books.invalidate(42)
  a.net.away = true
  server.shard.state = before
  const { books } = join()
  await pass(250)
  t.match(await books.read(42), { value: { title: 'first' } }, 'a process that knows nothing of it')
  t.match(await books.read(42, { after: token }), { from: 'source', value: { title: 'second' } })
})

await test('what is no token is refused', async (t) => {
  const { a } = await fleet()
  for (const after of [
    'x',
    '0.1.0.2',
    '0.1.2.t',
    '0.1.0.2.',
    '0.1.0.2.t!',
    '0.1.0.2.t-0.1.0.2',
    '0.1.0.2.é',
    `0.${'9'.repeat(20)}.0.1.t`,
  ]) {
    await t.rejects(a.books.get(42, { after }), {
      name: 'DefinitionError',
      message: /is not the token of a write/,
    })
  }
})

await test('G3 the same seq of another history is another write', async (t) => {
  const { a, b, server, source } = await fleet({ size: 2 })
  await b.books.get(42)
  b.net.deaf = true
  const { log, entries, head } = server.shard.state
  const before = { ...server.shard.state, head, log: [...log], entries: new Map(entries) }
  await a.books.invalidate(1)
  const { token } = await a.books.invalidate(42)
  server.shard.state = before
  await b.books.invalidate(1)
  source.set(42, { title: 'second' })
  await b.books.invalidate(2)
  t.match(await b.books.get(42, { after: token }), { title: 'second' }, 'as many writes, but not those')
})

await test('a token of a shard that is not there, or of the future, leads to the source', async (t) => {
  const { a, server } = await fleet()
  await a.books.get(42)
  await settle()
  const { incarnation = 0 } = server.shard.state.head ?? {}
  for (const after of ['7.1.0.2.t', `0.${incarnation}.0.9.t`]) {
    t.match(await a.books.read(42, { after }), { from: 'source', degraded: 'l2-away' })
  }
})
