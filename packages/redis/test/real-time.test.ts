import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { realTime } from '../src/real-time.ts'

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
