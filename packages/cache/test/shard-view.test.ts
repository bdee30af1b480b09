import { test } from 'tap'
import { changeAt, headAt, INCARNATION, joinedAt, T, viewOf } from './view.ts'

await test('a view joins by a probe that brings the markers, with a flush and a lease', async (t) => {
  const { view, probe, asked, clock } = viewOf()
  t.same([view.joined, view.leased], [false, false])
  view.message(changeAt(1))
  t.same(asked(), ['evict books:v1:1'], 'before that it evicts what it hears of, and knows nothing')
  view.probed({ head: headAt(5), time: 0, markers: undefined }, view.sent())
  t.equal(view.joined, false)
  probe(headAt(5), { seqs: [['t:red', 4]], floor: 2 })
  t.same(asked(), ['flush'])
  t.same([view.joined, view.leased, view.applied, view.incarnation], [true, true, 5, INCARNATION])
  const entry = (tags: string[]) => ({ name: 'books:v1:1', cache: 'books:v1', tags })
  t.same(
    [view.fresh(entry(['red']), INCARNATION, 3), view.fresh(entry(['red']), INCARNATION, 4)],
    [false, true],
  )
  t.same([view.fresh(entry([]), INCARNATION, 1), view.fresh(entry([]), INCARNATION, 2)], [false, true])
  clock.advance(T)
  t.equal(view.leased, false)
})

await test('the next in the chain is applied; one from before is dropped; both are acknowledged when asked', async (t) => {
  const { view, asked } = joinedAt(5)
  view.message(changeAt(6, { tags: ['red'], acknowledge: true }))
  t.same(asked(), ['evict books:v1:6,red', 'acknowledge 6'])
  t.equal(view.applied, 6)
  t.equal(view.fresh({ name: 'books:v1:1', cache: 'books:v1', tags: ['red'] }, INCARNATION, 5), false)
  view.message(changeAt(6))
  t.same(asked(), [], 'duplicates do nothing')
  view.message(changeAt(3))
  t.same(
    asked(),
    ['evict books:v1:3'],
    'what is from before it joined is evicted: it may be of another history',
  )
  view.message(changeAt(6, { acknowledge: true }))
  t.same(asked(), ['acknowledge 6'], 'the first word of it may have been lost')
  t.ok(view.leased)
})

await test('a later one shows a gap: what it names is evicted at once, and the gap is replayed', async (t) => {
  const { view, asked, replay } = joinedAt(5)
  view.message(changeAt(8, { tags: ['red'], acknowledge: true }))
  t.same(asked(), ['evict books:v1:8,red', 'replay'], 'it is not acknowledged yet')
  t.equal(view.applied, 5)
  t.equal(view.fresh({ name: 'x', cache: 'x:v1', tags: ['red'] }, INCARNATION, 7), false, 'its marker stands')
  replay(headAt(8), [5, 6, 7].map((seq) => changeAt(seq)).concat(changeAt(8, { acknowledge: true })))
  t.same(asked(), ['evict books:v1:6', 'evict books:v1:7', 'evict books:v1:8', 'acknowledge 8'])
  t.equal(view.applied, 8)
})

await test('without the replay, a gap would go unnoticed', async (t) => {
  const { view, asked } = joinedAt(5, { replay: false })
  view.message(changeAt(8))
  t.same(asked(), ['evict books:v1:8'])
  t.same([view.applied, view.leased], [8, true])
})

await test('a replay that no longer reaches back flushes, and joins anew', async (t) => {
  const { view, asked, replay } = joinedAt(5)
  view.message(changeAt(8))
  asked()
  replay(headAt(8), [changeAt(7), changeAt(8)])
  t.same(asked(), ['flush', 'probe'])
  t.same([view.joined, view.leased], [false, false])
  const cut = joinedAt(5)
  cut.replay(headAt(8), [changeAt(6)])
  t.same(cut.asked(), ['evict books:v1:6', 'flush', 'probe'], 'nor may it end too early')
})

await test('a view that is more than 1000 behind does not ask for what it missed: it joins anew', async (t) => {
  const ways = {
    message: ({ view }: ReturnType<typeof joinedAt>, seq: number) => view.message(changeAt(seq)),
    probe: ({ probe }: ReturnType<typeof joinedAt>, seq: number) => probe(headAt(seq)),
    read: ({ view }: ReturnType<typeof joinedAt>, seq: number) => void view.judge(headAt(seq), view.sent()),
  }
  for (const [way, meet] of Object.entries(ways)) {
    const near = joinedAt(5)
    meet(near, 1005)
    t.equal(near.asked().at(-1), 'replay', way)
    const far = joinedAt(5)
    meet(far, 1006)
    t.same(far.asked().slice(-2), ['flush', 'probe'], way)
    t.same([far.view.joined, far.view.leased], [false, false])
    far.probe(headAt(1006))
    t.same([far.view.leased, far.view.applied], [true, 1006])
  }
  const { view } = joinedAt(5)
  t.equal(view.judge(headAt(1006), view.sent()), 'unknown', 'nothing that was read with it is served')
})

await test('a lease counts from when its probe was sent, and is never shortened by an older one', async (t) => {
  const { view, clock, asked } = joinedAt(5)
  clock.advance(1000)
  const early = view.sent()
  clock.advance(500)
  const late = view.sent()
  clock.advance(400)
  view.probed({ head: headAt(5), time: 0, markers: undefined }, late)
  view.probed({ head: headAt(5), time: 0, markers: undefined }, early)
  t.equal(view.lastKnown, 1500)
  clock.advance(1490)
  t.equal(view.leased, true, 'just below 1500 + 0.95 T')
  clock.advance(10)
  t.equal(view.leased, false)
  t.same(asked(), [], 'it is not flushed: a probe that finds no gap opens it again')
})

await test('a probe that is ahead grants its lease when all that it saw is applied', async (t) => {
  const { view, clock, probe, asked, replay } = joinedAt(5)
  clock.advance(1890)
  probe(headAt(7))
  t.same(asked(), ['replay'])
  clock.advance(50)
  t.equal(view.leased, false, 'the old lease has ended, and the new one waits')
  replay(headAt(7), [changeAt(6)].slice(0, 0))
  t.same(asked(), ['flush', 'probe'])
  const other = joinedAt(5)
  other.clock.advance(1890)
  other.probe(headAt(7))
  other.view.message(changeAt(6))
  other.clock.advance(50)
  t.equal(other.view.leased, false)
  other.view.message(changeAt(7))
  t.equal(other.view.leased, true, 'messages may close the gap as well')
  other.clock.advance(1840)
  t.equal(other.view.leased, true)
  other.clock.advance(20)
  t.equal(other.view.leased, false, 'from when it was sent')
})

await test('without the lease, L1 would be served for ever', async (t) => {
  const { view, clock } = joinedAt(5, { l1Lease: false })
  clock.advance(1_000_000)
  view.suspect()
  t.equal(view.leased, true)
})

await test('entries read together with a head: current, behind, or unknown', async (t) => {
  const { view, asked } = joinedAt(5)
  t.equal(view.judge(headAt(5), view.sent()), 'current')
  const sent = view.sent()
  view.message(changeAt(6))
  t.equal(view.judge(headAt(5), sent), 'current', 'messages overtook the reply')
  asked()
  t.equal(view.judge(headAt(9), view.sent()), 'behind')
  t.same(asked(), ['replay'])
  t.equal(view.judge(undefined, view.sent()), 'unknown', 'Redis holds nothing')
  t.same(asked(), ['probe'])
  t.equal(view.leased, false)
  t.equal(viewOf().view.judge(headAt(5), viewOf().view.sent()), 'unknown', 'not joined')
})

await test('the server’s time is known from the last probe', async (t) => {
  const { view, clock } = viewOf()
  const sent = view.sent()
  clock.advance(20)
  view.probed({ head: headAt(0, { born: 4000 }), time: 10_010, markers: { seqs: [], floor: 0 } }, sent)
  t.equal(view.serverTime(), 10_030, 'late by no more than the round trip')
  t.equal(view.youthEnd, 34_000)
})
