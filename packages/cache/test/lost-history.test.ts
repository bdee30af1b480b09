import { test } from 'tap'
import { fleet } from './fleet.ts'
import { changeAt, headAt, INCARNATION, joinedAt } from './view.ts'

const FRESH = { name: 'books:v1:1', cache: 'books:v1', tags: [] }

await test('a probe that finds another incarnation: flush, join it, and rotate nothing', async (t) => {
  const { view, probe, asked } = joinedAt(5)
  probe(headAt(2, { incarnation: 8 }))
  t.same(asked(), ['flush', 'probe'])
  t.equal(view.fresh(FRESH, INCARNATION, 5), false)
  probe(headAt(2, { incarnation: 8 }))
  t.same([view.incarnation, view.applied, view.leased], [8, 2, true])
  t.same([view.fresh(FRESH, INCARNATION, 5), view.fresh(FRESH, 8, 2)], [false, true])
})

await test('a message of another incarnation is never believed: it evicts, closes the lease, and has it looked at', async (t) => {
  const { view, asked, probe } = joinedAt(5)
  view.message(changeAt(6, { incarnation: 8 }))
  t.same(asked(), ['evict books:v1:6', 'probe'])
  t.same([view.incarnation, view.applied, view.leased], [INCARNATION, 5, false])
  probe(headAt(5))
  t.equal(view.leased, true, 'it was a late one')
})

await test('an incarnation that messages speak of, and that a probe did not find, closes the lease no more', async (t) => {
  const { view, asked, probe } = joinedAt(5)
  const early = view.sent()
  view.message(changeAt(6, { incarnation: 8 }))
  view.probed({ head: headAt(5), time: 0, markers: undefined }, early)
  asked()
  view.message(changeAt(7, { incarnation: 8 }))
  t.same(asked(), ['evict books:v1:7', 'probe'], 'a probe from before it refutes nothing')
  probe(headAt(5))
  view.message(changeAt(8, { incarnation: 8 }))
  t.same(asked(), ['evict books:v1:8'])
  t.equal(view.leased, true)
  view.message(changeAt(1, { incarnation: 9 }))
  t.same([asked().at(-1), view.leased], ['probe', false], 'of another one nothing is known')
  probe(headAt(0, { incarnation: 9 }))
  probe(headAt(0, { incarnation: 9 }))
  asked()
  view.message(changeAt(6))
  t.same([asked(), view.leased], [['evict books:v1:6'], true], 'late ones of the history before')
  view.message(changeAt(9, { incarnation: 8 }))
  t.same([asked().at(-1), view.leased], ['probe', false], 'it may have begun since')
})

await test('a head below what was applied when it was asked for: rotate, once', async (t) => {
  const { view, asked, probe } = joinedAt(5)
  probe(headAt(4))
  t.same(asked(), ['flush', 'probe', `rotate ${INCARNATION}`])
  t.equal(view.leased, false)
  probe(headAt(9))
  t.same(asked(), [`rotate ${INCARNATION}`], 'it is doomed, however far it has come since')
  t.equal(view.joined, false)
  probe(headAt(0, { incarnation: 8 }))
  t.same(asked(), ['flush'])
  t.equal(view.leased, true)
})

await test('an incarnation that gave way to another is never joined again', async (t) => {
  const { view, probe, asked } = joinedAt(5)
  probe(headAt(0, { incarnation: 8 }))
  probe(headAt(0, { incarnation: 8 }))
  asked()
  probe(headAt(5))
  probe(headAt(5))
  t.same(asked(), [`rotate ${INCARNATION}`, `rotate ${INCARNATION}`], 'an old snapshot was restored')
  t.equal(view.incarnation === INCARNATION && view.leased, false)
})

await test('messages that overtake a reply are no loss', async (t) => {
  const { view, asked } = joinedAt(5)
  const sent = view.sent()
  view.message(changeAt(6))
  asked()
  view.probed({ head: headAt(5), time: 0, markers: undefined }, sent)
  t.same(asked(), [])
  t.equal(view.leased, true)
})

await test('another token at a seq that we know, in a head, a replay, or a read: rotate', async (t) => {
  const lost = ['flush', 'probe', `rotate ${INCARNATION}`]
  const head = joinedAt(5)
  head.probe(headAt(5, { token: 'other' }))
  t.same(head.asked(), lost)
  const read = joinedAt(5)
  t.equal(read.view.judge(headAt(5, { token: 'other' }), read.view.sent()), 'unknown')
  t.same(read.asked(), lost)
  const replayed = joinedAt(5)
  replayed.replay(headAt(7), [changeAt(5, { token: 'other' }), changeAt(6), changeAt(7)])
  t.same(replayed.asked(), lost)
  const careless = joinedAt(5, { historyToken: false })
  careless.probe(headAt(5, { token: 'other' }))
  t.same(careless.asked(), [], 'without the guard it would be believed')
})

await test('a change whose previous is not the token before: a fork', async (t) => {
  const { view, asked } = joinedAt(5)
  view.message(changeAt(6, { previous: 'other' }))
  t.same(asked(), ['evict books:v1:6', 'probe'], 'a message alone proves nothing; a probe will')
  t.equal(view.applied, 5)
  const replayed = joinedAt(5)
  replayed.replay(headAt(6), [changeAt(6, { previous: 'other' })])
  t.same(replayed.asked(), ['flush', 'probe', `rotate ${INCARNATION}`])
})

await test('a late message with another token at its seq has it looked at', async (t) => {
  const { view, asked } = joinedAt(5)
  view.message(changeAt(5, { token: 'other' }))
  t.same(asked(), ['evict books:v1:5', 'probe'])
  t.equal(view.leased, false)
})

await test('the reply to what was sent in an earlier epoch is ignored', async (t) => {
  const { view, asked, probe, replay } = joinedAt(5)
  const before = view.sent()
  probe(headAt(2, { incarnation: 8 }))
  probe(headAt(2, { incarnation: 8 }))
  asked()
  view.probed({ head: headAt(6), time: 0, markers: { seqs: [], floor: 0 } }, before)
  replay(headAt(6), [changeAt(6)], before)
  t.equal(view.judge(headAt(5), before), 'unknown')
  t.same(asked(), [])
  t.same([view.incarnation, view.applied], [8, 2])
})

await test('a write of ours that was executed behind a gap, and lost before the gap was closed: rotate', async (t) => {
  const { view, asked, replay } = joinedAt(5)
  view.written({ head: headAt(8), change: changeAt(8) }, view.sent())
  t.equal(asked().at(-1), 'replay', 'two changes came before it')
  replay(headAt(5), [])
  t.same(asked(), ['flush', 'probe', `rotate ${INCARNATION}`], 'Redis was further than this')
  for (const look of ['probe', 'read'] as const) {
    const other = joinedAt(5)
    other.view.written({ head: headAt(8), change: changeAt(8) }, other.view.sent())
    other.asked()
    if (look === 'probe') other.probe(headAt(7))
    else t.equal(other.view.judge(headAt(7), other.view.sent()), 'unknown')
    t.same(other.asked(), ['flush', 'probe', `rotate ${INCARNATION}`], look)
  }
  const heard = joinedAt(5)
  const early = heard.view.sent()
  heard.view.message(changeAt(8))
  heard.asked()
  heard.view.probed({ head: headAt(6), time: 0, markers: undefined }, early)
  t.same(heard.asked(), ['replay'], 'what was asked before proves nothing')
  heard.probe(headAt(7))
  t.equal(heard.asked().at(-1), `rotate ${INCARNATION}`, 'a message of ours is as good a witness')
})

await test('the reply to a write of ours, of a history that has gone back: rotate, though nothing else is known of it', async (t) => {
  const { view, asked } = joinedAt(5)
  const sent = view.sent()
  view.written({ head: headAt(4), change: changeAt(4) }, sent)
  t.same(asked(), ['evict books:v1:4', 'flush', 'probe', `rotate ${INCARNATION}`], 'it was below 5')
  const other = joinedAt(5)
  const early = other.view.sent()
  other.view.message(changeAt(6))
  other.asked()
  other.view.written({ head: headAt(6, { token: 'x' }), change: changeAt(6, { token: 'x' }) }, early)
  t.equal(other.asked().at(-1), `rotate ${INCARNATION}`, 'and one of two changes with the same seq is lost')
  const usual = joinedAt(5)
  const before = usual.view.sent()
  usual.view.message(changeAt(6))
  usual.view.message(changeAt(7))
  usual.asked()
  usual.view.written({ head: headAt(6), change: changeAt(6) }, before)
  t.same([usual.asked(), usual.view.leased], [[], true], 'a reply that its message has overtaken is no loss')
})

await test('a write of ours in another incarnation: the one before it has ended, should it come back', async (t) => {
  const { view, asked, probe } = joinedAt(5)
  const after = { incarnation: 8, born: 100 }
  view.written({ head: headAt(1, after), change: changeAt(1, after) }, view.sent())
  t.equal(view.leased, false)
  asked()
  probe(headAt(5))
  t.same([asked(), view.leased], [[`rotate ${INCARNATION}`], false])
  const between = joinedAt(5)
  between.view.written({ head: headAt(1, after), change: changeAt(1, after) }, between.view.sent())
  between.asked()
  between.probe(headAt(3, { incarnation: 9, born: 50 }))
  t.same(between.asked(), ['flush', 'probe', 'rotate 9'], 'nor is one joined that came between the two')
})

await test('an incarnation that is older than one that was seen is never joined, though it was never followed', async (t) => {
  const { view, asked, probe } = joinedAt(5)
  probe(headAt(2, { incarnation: 9, born: 200 }))
  probe(headAt(2, { incarnation: 9, born: 200 }))
  asked()
  probe(headAt(7, { incarnation: 8, born: 100 }))
  t.same(asked(), ['flush', 'probe', 'rotate 8'])
  probe(headAt(7, { incarnation: 8, born: 100 }))
  t.same(asked(), ['rotate 8'], 'as long as it is there')
  t.equal(view.joined, false)
  probe(headAt(0, { incarnation: 10, born: 150 }))
  t.same([view.incarnation, view.leased], [10, true], 'a clock that was set back costs one rotation')
})

await test('G3 a write that Redis loses is not read past by its own process, caught up or not', async (t) => {
  const { a, b, server, source, pass } = await fleet({ size: 2 })
  await a.books.get(42)
  await pass(250)
  const { head, log, entries } = server.shard.state
  const snapshot = { ...server.shard.state, head, log: [...log], entries: new Map(entries) }
  a.net.deaf = true
  await b.books.invalidate(1)
  source.set(42, { title: 'second' })
  // Nobody replays before Redis has forgotten it.
  a.store.replay = async (...args) => {
    server.shard.state = snapshot
    return server.shard.replay(args[1])
  }
  t.match(await a.books.invalidate(42), { outcome: 'applied' })
  t.match(await a.books.read(42), { value: { title: 'second' } })
  await pass(1000)
  t.match(await a.books.read(42), { value: { title: 'second' } })
})

await test('without the incarnation, entries of a lost history would be served', async (t) => {
  const { view } = joinedAt(5, { incarnation: false })
  t.equal(view.fresh(FRESH, 8, 5), true)
})

await test('a Redis that comes back empty: one rotation, and nothing from before is read', async (t) => {
  const { a, b, server, source, pass } = await fleet({ size: 2 })
  await a.books.get(42)
  await pass(250)
  await b.books.get(42)
  const { incarnation } = server.shard.state.head ?? {}
  const old = server.shard.state.entries.get('books:v1:42')
  server.restart({ ...server.shard.state, head: undefined, log: [], entries: new Map() })
  source.set(42, { title: 'second' })
  await pass(1000)
  t.not(server.shard.state.head?.incarnation, incarnation)
  if (old) server.shard.state.entries.set('books:v1:42', old)
  for (const { books } of [a, b]) t.match(await books.read(42), { value: { title: 'second' } })
})

await test('a Redis restored from an old snapshot: what it undid is found out', async (t) => {
  const { a, b, server, source, pass } = await fleet({ size: 2 })
  await a.books.get(42)
  await pass(250)
  const { head, log, markers, entries } = server.shard.state
  const snapshot = {
    ...server.shard.state,
    head,
    log: [...log],
    markers: new Map(markers),
    entries: new Map(entries),
  }
  source.set(42, { title: 'second' })
  await a.books.invalidate(42)
  server.shard.state = snapshot
  await pass(1000)
  for (const { books } of [a, b]) t.match(await books.read(42), { value: { title: 'second' } })
  t.ok(a.cache.stats().rotations + b.cache.stats().rotations >= 1)
  t.same(a.events.filter(({ type }) => type === 'flushed').length > 0, true)
})
