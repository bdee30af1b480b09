import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { realTime } from '../src/time.ts'
import { fleet, settle } from './fleet.ts'

/** The time that has passed since the last look. */
function passing() {
  const clock = new ManualClock()
  const { now } = realTime(clock)
  let last = now()
  return {
    clock,
    passed() {
      const at = now()
      const passed = at - last
      last = at
      return passed
    },
  }
}

await test('time passes as the monotonic clock does, through a stop as well', async (t) => {
  const { clock, passed } = passing()
  clock.advance(1000)
  t.equal(passed(), 1000)
  clock.stop(5000)
  t.equal(passed(), 5000)
  t.equal(passed(), 0)
})

await test('the time that a suspended machine slept through has passed, and counts once', async (t) => {
  const { clock, passed } = passing()
  clock.suspend(60_000)
  clock.advance(1)
  t.equal(passed(), 60_001)
  clock.advance(1)
  t.equal(passed(), 1)
  clock.suspend(60_000)
  clock.advance(1)
  t.equal(passed(), 60_001, 'each time')
})

await test('a wall clock that is set back takes no time away, also not what is slept through afterwards', async (t) => {
  const { clock, passed } = passing()
  clock.setBack(3_600_000)
  clock.advance(10)
  t.equal(passed(), 10)
  clock.suspend(60_000)
  clock.advance(10)
  t.equal(passed(), 60_010)
})

await test('the drift of two clocks, and the rounding of one, is no sleep', async (t) => {
  const { clock, passed } = passing()
  for (let i = 0; i < 10; i++) {
    clock.suspend(2)
    clock.advance(100)
    t.equal(passed(), 100)
  }
})

await test('many looks within a tenth of a millisecond read the wall clock once', async (t) => {
  let at = 0
  let looks = 0
  const { now } = realTime({
    now: () => at,
    wall: () => (looks++, 0),
    soon() {},
    after: () => () => {},
  })
  looks = 0
  for (let i = 0; i < 100; i++) {
    at += 0.0009
    now()
  }
  t.equal(looks, 0)
  at += 0.1
  now()
  t.equal(looks, 1)
})

for (const [what, happens] of Object.entries({
  stopped: (clock: ManualClock) => clock.stop(5000),
  suspended: (clock: ManualClock) => clock.suspend(5000),
})) {
  await test(`G1 a process that was ${what} serves nothing from before, not even at first`, async (t) => {
    const { a, join, source } = await fleet()
    const clock = new ManualClock()
    const away = join(clock)
    await settle()
    await away.books.get(42)
    t.match(away.books.peek(42), { title: 'first' })
    away.net.deaf = true
    source.set(42, { title: 'second' })
    await a.books.invalidate(42)
    happens(clock)
    clock.advance(1)
    t.equal(away.books.peek(42), undefined)
    t.match(await away.books.get(42), { title: 'second' })
  })
}

await test('without the wall clock, a suspended machine would serve on', async (t) => {
  const { a, join, source } = await fleet({ guards: { wallClock: false } })
  const clock = new ManualClock()
  const away = join(clock)
  await settle()
  await away.books.get(42)
  away.net.deaf = true
  source.set(42, { title: 'second' })
  await a.books.invalidate(42)
  clock.suspend(5000)
  clock.advance(1)
  t.match(away.books.peek(42), { title: 'first' })
})

await test('G1 a wall clock that is set back makes no lease longer', async (t) => {
  const { join } = await fleet()
  const clock = new ManualClock()
  const replica = join(clock)
  await settle()
  await replica.books.get(42)
  replica.net.away = true
  clock.setBack(3_600_000)
  clock.advance(1950)
  t.equal(replica.books.peek(42), undefined)
})
