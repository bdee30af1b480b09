import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { fleet, settle } from './fleet.ts'

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
