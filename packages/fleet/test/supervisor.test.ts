import type { Exit, Leashed } from '@lockstep/servers'
import { test } from 'tap'
import { keepRunning, type Patience, type Timers } from '../src/index.ts'

const patience: Patience = {
  firstBackoff: 100,
  longestBackoff: 400,
  stableAfter: 5_000,
  readyDeadline: 1_000,
  crashesBeforeReady: 3,
  probeInterval: 50,
}

/** A clock that moves by what is slept, and remembers how long that was each time. */
function fakeTimers(): Timers & { readonly slept: number[]; pass(ms: number): void } {
  let time = 0
  const slept: number[] = []
  return {
    slept,
    now: () => time,
    pass: (ms) => void (time += ms),
    async sleep(ms) {
      slept.push(ms)
      time += ms
      await new Promise(setImmediate)
    },
  }
}

/** A process whose life is in the hands of the test. */
class FakeProcess {
  launches = 0
  stops = 0
  isReady = true
  #exit = Promise.withResolvers<Exit>()
  #launched = Promise.withResolvers<void>()
  readonly name = 'catalog-1'

  async launch(): Promise<Leashed> {
    const exit = Promise.withResolvers<Exit>()
    this.#exit = exit
    this.launches += 1
    const stop = (): Promise<Exit> => {
      this.stops += 1
      exit.resolve({ code: 0, signal: null })
      return exit.promise
    }
    this.#launched.resolve()
    this.#launched = Promise.withResolvers()
    return { pid: 100 + this.launches, exited: exit.promise, stop, kill: stop }
  }

  ready = async (): Promise<boolean> => this.isReady

  lastWords = (): string => 'its last words'

  /** Ends the life it has, and resolves when the next has begun. */
  async crash(exit: Exit = { code: null, signal: 'SIGKILL' }): Promise<void> {
    const next = this.#launched.promise
    this.#exit.resolve(exit)
    await next
    await new Promise(setImmediate)
  }
}

await test('one that dies is restarted, told of, and waited for longer each time', async (t) => {
  const [process, timers, said] = [new FakeProcess(), fakeTimers(), new Array<string>()]
  const kept = keepRunning(process, (line) => void said.push(line), timers, patience)
  await kept.started
  for (let crash = 0; crash < 4; crash++) await process.crash()
  t.same(timers.slept, [100, 200, 400, 400])
  t.equal(said[0], 'catalog-1 (pid 101) was ended by SIGKILL; starting it again in 100 ms (attempt 1)')
  t.equal(said[1], 'catalog-1 is back (pid 102)')
  timers.pass(patience.stableAfter)
  await process.crash({ code: 3, signal: null })
  t.equal(timers.slept.at(-1), 100, 'after a long life the wait begins anew')
  t.match(said, [/./, /./, /./, /./, /./, /./, /./, /./, /ended with code 3; .*attempt 1/])
  await kept.stop()
  t.equal(process.launches, 6)
})

await test('one that crashes before it was ever ready is given up, with its last words', async (t) => {
  const [process, timers] = [new FakeProcess(), fakeTimers()]
  process.isReady = false
  const launch = process.launch.bind(process)
  process.launch = async () => ({ ...(await launch()), exited: Promise.resolve({ code: 1, signal: null }) })
  const kept = keepRunning(process, () => {}, timers, patience)
  await t.rejects(kept.started, {
    code: 'FLEET_NEVER_READY',
    message: /code 1.*never ready.*\nits last words/s,
  })
  t.equal(process.launches, patience.crashesBeforeReady)
  await kept.stop()
})

await test('one that lives and does not get ready in time is stopped and given up', async (t) => {
  const process = new FakeProcess()
  process.isReady = false
  const kept = keepRunning(process, () => {}, fakeTimers(), patience)
  await t.rejects(kept.started, { code: 'FLEET_NEVER_READY', message: /not ready within 1 s/ })
  t.equal(process.stops, 1)
  t.equal(process.launches, 1)
})

await test('after it was ready once it is not given up, as what it misses may come back', async (t) => {
  const [process, timers] = [new FakeProcess(), fakeTimers()]
  const kept = keepRunning(process, () => {}, timers, patience)
  await kept.started
  process.isReady = false
  for (let crash = 0; crash < patience.crashesBeforeReady + 2; crash++) await process.crash()
  process.isReady = true
  await kept.stop()
  t.equal(process.launches, patience.crashesBeforeReady + 3)
})

await test('stop ends it, and it stays ended', async (t) => {
  const process = new FakeProcess()
  const kept = keepRunning(process, () => t.fail('nothing to tell'), fakeTimers(), patience)
  await kept.started
  await kept.stop()
  t.equal(process.stops, 1)
  t.equal(process.launches, 1)
  const never = new FakeProcess()
  never.isReady = false
  const waiting = keepRunning(never, () => {}, {
    ...fakeTimers(),
    now: () => 0,
    sleep: () => new Promise(setImmediate),
  })
  await new Promise(setImmediate)
  await waiting.stop()
  await t.rejects(waiting.started, 'whoever waits for it is told')
})
