import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { Breaker } from '../src/breaker.ts'

class ReplyError extends Error {
  override name = 'ReplyError'
}

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

function setUp() {
  const clock = new ManualClock()
  const redis = { answers: true, probes: 0 }
  const breaker = new Breaker({
    probe: async () => {
      redis.probes++
      if (!redis.answers) throw new Error('timeout')
    },
    probeEvery: 100,
    timeout: 1000,
    after: clock.after,
    now: clock.now,
  })
  return { clock, redis, breaker }
}

await test('nothing is sent before Redis was seen to answer', async (t) => {
  const { breaker } = setUp()
  await t.rejects(
    breaker.run(async () => t.fail('was sent')),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )
  breaker.probeNow()
  await settle()
  t.equal(await breaker.run(async () => 1), 1)
})

await test('C2 after one failure nothing more is sent until a probe is answered', async (t) => {
  const { breaker, clock, redis } = setUp()
  breaker.probeNow()
  await settle()
  redis.answers = false
  await t.rejects(
    breaker.run(async () => {
      throw new Error('Command timed out')
    }),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )
  let sent = 0
  for (let read = 0; read < 100; read++) await breaker.run(async () => sent++).catch(() => {})
  t.equal(sent, 0)

  clock.advance(100)
  await settle()
  t.equal(redis.probes, 2, 'asked in the background')
  t.equal(breaker.closed, false)

  redis.answers = true
  let heard = 0
  breaker.onClosed(() => heard++)
  clock.advance(100)
  await settle()
  t.equal(breaker.closed, true)
  t.equal(heard, 1)
})

await test('an error that Redis answered with passes through and opens nothing', async (t) => {
  const { breaker } = setUp()
  breaker.probeNow()
  await settle()
  await t.rejects(
    breaker.run(async () => {
      throw new ReplyError('WRONGTYPE')
    }),
    { message: 'WRONGTYPE' },
  )
  t.equal(breaker.closed, true)
})

await test('a mistake in the code that sends is not taken for an absence', async (t) => {
  const { breaker } = setUp()
  breaker.probeNow()
  await settle()
  for (const mistake of [new TypeError('x is not a function'), new RangeError('ttl')]) {
    await t.rejects(
      breaker.run(async () => {
        throw mistake
      }),
      mistake,
    )
  }
  t.equal(breaker.closed, true)
})

await test('answers that mean "not here, not now" count as absence; those about the server open it', async (t) => {
  for (const [reply, closed] of [
    ['LOADING Redis is loading the dataset in memory', false],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", false],
    ['CLUSTERDOWN Hash slot not served', false],
    ['TRYAGAIN Multiple keys request during rehashing of slot', true],
    ["READONLY You can't write against a read only replica.", true],
    ['NOREPLICAS Not enough good replicas to write.', true],
    [
      'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
      true,
    ],
    ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', true],
  ] as const) {
    const { breaker } = setUp()
    breaker.probeNow()
    await settle()
    await t.rejects(
      breaker.run(async () => {
        throw new ReplyError(reply)
      }),
      { code: 'LOCKSTEP_REDIS_UNAVAILABLE', cause: { message: reply } },
    )
    t.equal(breaker.closed, closed, reply)
  }
})

await test('an ended breaker asks no more', async (t) => {
  const { breaker, clock, redis } = setUp()
  breaker.open()
  breaker.end()
  clock.advance(1000)
  t.equal(redis.probes, 0)
})

await test('a command that is not answered in time opens it', async (t) => {
  const { breaker, clock } = setUp()
  breaker.probeNow()
  await settle()
  const hung = breaker.run(() => new Promise(() => {}))
  clock.advance(1000)
  await t.rejects(hung, { code: 'LOCKSTEP_REDIS_UNAVAILABLE', cause: { message: /1000 ms/ } })
  t.equal(breaker.closed, false)
})

await test('an answer that arrived while the process was held up still counts', async (t) => {
  const { breaker, clock } = setUp()
  breaker.probeNow()
  await settle()
  const answer = Promise.withResolvers<string>()
  const command = breaker.run(() => answer.promise)
  clock.advance(1000)
  answer.resolve('in the socket all along')
  t.equal(await command, 'in the socket all along')
  t.equal(breaker.closed, true)
})

await test('each command of a turn has its deadline, whatever became of the others', async (t) => {
  const { breaker, clock } = setUp()
  breaker.probeNow()
  await settle()
  t.equal(await breaker.run(async () => 'at once'), 'at once')
  const hung = breaker.run(() => new Promise(() => {}))
  clock.advance(1000)
  await t.rejects(hung, { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
})

await test('commands of a while share a timer, and no command waits longer than its timeout', async (t) => {
  const { breaker, clock } = setUp()
  breaker.probeNow()
  await settle()
  clock.advance(1000)
  for (let n = 0; n < 100; n++) await breaker.run(async () => n)
  t.equal(clock.waiting, 1)
  clock.advance(100)
  const hung = t.rejects(
    breaker.run(() => new Promise(() => {})),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )
  clock.advance(800)
  await settle()
  t.equal(breaker.closed, true, "seven eighths of it are everybody's")
  clock.advance(100)
  await hung
})

await test('a large answer that is coming in is waited for, ten times the timeout and no longer', async (t) => {
  const clock = new ManualClock()
  let received = 0
  const breaker = new Breaker({
    probe: async () => {},
    probeEvery: 100,
    timeout: 1000,
    received: () => received,
    after: clock.after,
    now: clock.now,
  })
  breaker.probeNow()
  await settle()
  const whole = Promise.withResolvers<string>()
  const slow = breaker.run(() => whole.promise)
  await settle()
  for (let part = 0; part < 5; part++) {
    received += 1000
    clock.advance(1000)
    await settle()
  }
  t.equal(breaker.closed, true, 'something came in each time')
  whole.resolve('all of it')
  t.equal(await slow, 'all of it')

  const dripping = breaker.run(() => new Promise(() => {}))
  const refused = t.rejects(dripping, { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  await settle()
  for (let part = 0; part < 9; part++) {
    received++
    clock.advance(1000)
    await settle()
  }
  t.equal(breaker.closed, true)
  received++
  clock.advance(1000)
  await refused
  t.equal(breaker.closed, false, 'for ever is too long')
})

await test('silence is not waited for twice', async (t) => {
  const clock = new ManualClock()
  let received = 0
  const timeout = 1000
  const options = { probe: async () => {}, probeEvery: 100, timeout, received: () => received }
  const breaker = new Breaker({ ...options, after: clock.after, now: clock.now })
  breaker.probeNow()
  await settle()
  received = 7
  const refused = t.rejects(
    breaker.run(() => new Promise(() => {})),
    { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
  )
  await settle()
  clock.advance(timeout)
  await refused
})
