import { test } from 'tap'
import { encodeChange } from '../src/protocol/wire.ts'
import { fleet, settle } from './fleet.ts'
import { changeAt } from './view.ts'

await test('P5 a plain key evicts everywhere, in L2 too, and is told to those who did not hear it', async (t) => {
  const { a, b, source, server } = await fleet({ size: 2 })
  for (const payload of ['books:v1:42', 'memory:{0}:books:v1:42']) {
    await a.books.get(42)
    await settle()
    await b.books.get(42)
    source.set(42, { title: payload })
    const { seq } = server.shard.state.head ?? { seq: 0 }
    server.publish(payload)
    await settle()
    t.equal(server.shard.state.head?.seq, seq + 1, 'one replica found it there, and told the rest')
    for (const { books } of [a, b]) t.match(await books.get(42), { title: payload })
    await settle()
  }
})

await test('P5 a plain key voids a load under way', async (t) => {
  const { a, b, source, state, server, release } = await fleet({ size: 2 })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  server.publish('books:v1:42')
  await settle()
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false })
  await settle()
  for (const { books } of [a, b]) t.match(await books.get(42), { title: 'second' })
})

await test('P5 with Redis away a plain key is remembered', async (t) => {
  const { a, source, server, pass } = await fleet()
  await a.books.get(42)
  await settle()
  a.net.away = true
  source.set(42, { title: 'second' })
  server.publish('books:v1:42')
  await settle()
  t.match(await a.books.get(42), { title: 'second' })
  a.net.restore()
  await pass(500)
  t.match(await a.books.read(42), { value: { title: 'second' }, stored: true })
})

await test('what is not for us changes nothing', async (t) => {
  const { a, server, state } = await fleet()
  await a.books.get(42)
  await settle()
  for (const payload of [
    'books:v1:7',
    'books:v2:42',
    'films:v1:42',
    'unknown',
    '',
    '{not json',
    encodeChange('bank', 0, changeAt(1, { keys: ['books:v1:42'] })),
    encodeChange('memory', 5, changeAt(1, { keys: ['books:v1:42'] })),
    '{"v":99,"ns":"bank"}',
  ]) {
    server.publish(payload)
  }
  await settle()
  t.match(await a.books.read(42), { from: 'l1' })
  t.equal(state.loads, 1)
})

await test('a message of ours in an unknown format flushes L1, since nobody can say what it evicts', async (t) => {
  const { a, server, state, logger } = await fleet()
  await a.books.get(42)
  await settle()
  server.publish('{"v":99,"ns":"memory"}')
  t.equal(a.books.peek(42), undefined)
  await settle()
  t.match(await a.books.read(42), { from: 'l2' })
  t.equal(state.loads, 1)
  t.match(logger.lines, [{ level: 'warn', details: { version: 99 }, message: /unknown format/ }])
})

await test('G1 a message that was lost is found by the next probe, and what it named is evicted', async (t) => {
  for (const replay of [true, false]) {
    const { a, b, source, pass } = await fleet({ size: 2, guards: { replay } })
    await b.books.get(42)
    await settle()
    b.net.deaf = true
    source.set(42, { title: 'second' })
    await a.books.invalidate(42)
    b.net.deaf = false
    await pass(500)
    t.match(await b.books.get(42), { title: replay ? 'second' : 'first' })
  }
})

await test('a message that comes before the one before it evicts at once', async (t) => {
  const { a, b, source, pass } = await fleet({ size: 2 })
  source.set(1, { title: 'one' })
  await b.books.getMany([1, 42])
  await settle()
  b.net.deaf = true
  await a.books.invalidate(1)
  b.net.deaf = false
  await a.books.invalidate(42)
  t.equal(b.books.peek(42), undefined)
  await pass(10, 10)
  t.equal(b.books.peek(1), undefined, 'and the gap is read from the log')
})
