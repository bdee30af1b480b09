import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { Waiters } from '../src/read/waiters.ts'

const NAME = 'books:v1:42'

await test('word that comes before the wait for it ends that wait, once', async (t) => {
  const clock = new ManualClock()
  const waiters = new Waiters(clock)
  const waiter = waiters.listen(NAME)
  waiters.wake(['books:v1:43'], 'evicted')
  waiters.wake([NAME], 'filled')
  t.equal(await waiter.wait(100), 'filled')
  t.equal(clock.waiting, 0)
  const again = waiter.wait(100)
  t.equal(clock.waiting, 1, 'it was heard, and is not heard again')
  waiters.wake([NAME], 'evicted')
  t.equal(await again, 'evicted')
  t.equal(clock.waiting, 0, 'no timer is left behind')
})

await test('everyone who listens is woken, and nobody who has ended', async (t) => {
  const waiters = new Waiters(new ManualClock())
  const [first, second, gone] = [waiters.listen(NAME), waiters.listen(NAME), waiters.listen(NAME)]
  const waits = [first.wait(100), second.wait(100)]
  gone.end()
  waiters.wake([NAME], 'filled')
  t.same(await Promise.all(waits), ['filled', 'filled'])
  const clock = new ManualClock()
  const alone = new Waiters(clock)
  const waiter = alone.listen(NAME)
  waiter.end()
  alone.wake([NAME], 'filled')
  void waiter.wait(100)
  t.equal(clock.waiting, 1, 'it has heard nothing')
})
