import { test } from 'tap'
import { MutationAwayError } from '../src/index.ts'
import { type Book, fleet, settle } from './fleet.ts'

const second = { title: 'second' }

await test('G4 mutate: done, and gone everywhere', async (t) => {
  const { a, b, source } = await fleet({ size: 2 })
  await a.books.get(42)
  await settle()
  await b.books.get(42)
  const done = await a.cache.mutate([a.books.key(42)], async () => {
    source.set(42, second)
    return 'row'
  })
  t.match(done, { value: 'row', outcome: 'applied', promised: false, stored: false, removed: 1 })
  for (const { books } of [a, b]) t.match(await books.get(42), second)
  t.match(await b.books.get(42, { after: done.token }), second)
})

await test('while a write is under way, what is read is kept nowhere', async (t) => {
  for (const intent of [true, false]) {
    const { a, b, source } = await fleet({ size: 2, guards: { intent } })
    const gate = Promise.withResolvers<void>()
    const writing = a.cache.mutate([a.books.key(42)], () => gate.promise)
    await settle()
    const reading = await b.books.read(42)
    if (intent) {
      t.match(reading, { from: 'source', stored: false, degraded: 'writing', value: { title: 'first' } })
      t.match(await a.books.read(42), { from: 'source', stored: false, degraded: 'invalidating' })
    } else t.match(reading, { stored: true }, 'without the intent it would be')
    source.set(42, second)
    gate.resolve()
    await writing
    for (const { books } of [a, b]) t.match(await books.get(42), second)
  }
})

await test('G4 a writer that dies between commit and end leaves nothing stale when its intent has ended', async (t) => {
  const { a, b, source, pass } = await fleet({ size: 2 })
  await b.books.get(42)
  await settle()
  const dead = a.cache.mutate([a.books.key(42)], () => new Promise(() => {}), { lifetime: '5s' })
  dead.catch(() => {})
  await settle()
  source.set(42, second)
  a.net.away = true
  t.match(await b.books.read(42), { stored: false, degraded: 'writing', value: second })
  await pass(5250)
  t.match(await b.books.read(42), { stored: true, value: second })
})

await test('put: the new value lies in Redis when the work has ended', async (t) => {
  const { a, b, source, state } = await fleet({ size: 2 })
  const done = await a.cache.mutate([a.books.key(42), a.books.key(43)], async ({ put }) => {
    source.set(42, second)
    put(a.books, 42, second)
  })
  t.match(done, { stored: true })
  t.match(await b.books.read(42), { from: 'l2', value: second })
  t.equal(state.loads, 0)
  await t.rejects(
    a.cache.mutate([a.books.key(42)], async ({ put }) => put(a.books, 43, second)),
    { name: 'DefinitionError', message: 'books:v1:43 is not among the names mutated' },
  )
})

await test('put: nothing is stored when writers met, or somebody invalidated meanwhile', async (t) => {
  for (const contended of [true, false]) {
    const { a, b } = await fleet({ size: 2, guards: { contended } })
    const gate = Promise.withResolvers<void>()
    const late = a.cache.mutate([a.books.key(42)], async ({ put }) => {
      put(a.books, 42, second)
      await gate.promise
    })
    await settle()
    const met = await b.cache.mutate([b.books.key(42)], async ({ put }) =>
      put(b.books, 42, { title: 'third' }),
    )
    gate.resolve()
    t.same([met.stored, (await late).stored], contended ? [false, false] : [true, true])
  }
  const { a, b } = await fleet({ size: 2, define: { tags: () => ['fresh'] } })
  for (const invalidate of [() => b.books.invalidate(42), () => b.cache.invalidateTags(['fresh'])]) {
    const done = await a.cache.mutate([a.books.key(42)], async ({ put }) => {
      put(a.books, 42, second)
      await invalidate()
    })
    t.equal(done.stored, false)
  }
})

await test('work that fails rejects with what it threw, and may have committed: the old value goes', async (t) => {
  const { a, b, source, server } = await fleet({ size: 2 })
  await b.books.get(42)
  await settle()
  const failed = a.cache.mutate([a.books.key(42)], async ({ put }) => {
    put(a.books, 42, { title: 'never' })
    source.set(42, second)
    throw new Error('the answer of the commit was lost')
  })
  await t.rejects(failed, { message: 'the answer of the commit was lost' })
  t.same(server.shard.names(), [])
  t.match(await b.books.get(42), second)
  t.match(await a.books.read(42), { value: second, from: 'l2' })
})

await test('with Redis away, no work is begun; or it is done all the same, by choice', async (t) => {
  const { a, b, source, pass } = await fleet({ size: 2 })
  await b.books.get(42)
  await settle()
  a.net.away = true
  let begun = false
  const work = async () => {
    begun = true
    source.set(42, second)
  }
  const error = await a.cache.mutate([a.books.key(42)], work).catch((reason: unknown) => reason)
  t.ok(error instanceof MutationAwayError)
  t.match(error, { code: 'LOCKSTEP_MUTATION_AWAY', cause: { message: 'redis is away' } })
  t.equal(begun, false)
  const done = await a.cache.mutate([a.books.key(42)], work, { whenAway: 'run', wait: 'fleet' })
  t.match(done, { outcome: 'pending', promised: false, stored: false, token: '' })
  t.match(await a.books.get(42), second)
  a.net.restore()
  await pass(500)
  t.match(await b.books.get(42), second)
  t.equal(a.cache.stats().pending, 0)
})

await test('an intent that ended too early is told: nothing is stored, nothing promised', async (t) => {
  const { a, source, pass } = await fleet()
  const gate = Promise.withResolvers<void>()
  const known: { aborted: boolean; deadline: number }[] = []
  const slow = a.cache.mutate(
    [a.books.key(42)],
    async ({ signal, deadline, put }) => {
      known.push({ aborted: signal.aborted, deadline })
      await gate.promise
      known.push({ aborted: signal.aborted, deadline })
      source.set(42, second)
      put(a.books, 42, second)
    },
    { lifetime: '1s', wait: 'fleet' },
  )
  await pass(1100)
  gate.resolve()
  t.match(await slow, { outcome: 'applied', promised: false, stored: false })
  t.same(
    known.map(({ aborted }) => aborted),
    [false, true],
  )
  t.match(await a.books.get(42), second)
})

await test('a history that is lost during the work ends the intent, and the promise', async (t) => {
  const { a, server } = await fleet()
  const done = await a.cache.mutate(
    [a.books.key(42)],
    async ({ put }) => {
      put(a.books, 42, second)
      server.shard.rotate(server.shard.state.head?.incarnation ?? 0)
    },
    { wait: 'fleet' },
  )
  t.match(done, { outcome: 'applied', promised: false, stored: false })
})

await test('a value that cannot be stored leaves the mutation whole', async (t) => {
  const { a, logger } = await fleet({ define: { maxValueBytes: 10 } })
  const huge: Book = { title: 'x'.repeat(100) }
  t.match(await a.cache.mutate([a.books.key(42)], async ({ put }) => put(a.books, 42, huge)), {
    stored: false,
  })
  t.same(logger.messages(), ['a value is too large to be cached'])
})

await test('work that ends after its deadline is not promised, though its intent still stands', async (t) => {
  const { a, pass } = await fleet()
  const gate = Promise.withResolvers<void>()
  const slow = a.cache.mutate([a.books.key(42)], () => gate.promise, { lifetime: '1s', wait: 'fleet' })
  await pass(970, 10)
  gate.resolve()
  t.match(await slow, { outcome: 'applied', promised: false })
})
