import type { RedisLink } from '@lockstep/redis'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { clockedScript, setClock } from './clocked.ts'
import { openLink, urlOf } from './links.ts'
import { keyOf, parsed, say } from './rig.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)

/** One resource, and a server whose clock says what it is told. */
function subject(link: RedisLink, resource: string) {
  const keys = [keyOf('state', resource), keyOf('queue', resource), keyOf('waiters', resource)]
  return {
    at: (ms: number) => setClock(link, ms),
    async ask(operation: string, token: string, ms: number): Promise<unknown> {
      const answers = await say(
        link,
        'eval',
        clockedScript,
        3,
        ...keys,
        1,
        'PUBLISH',
        'wake:',
        operation,
        token,
        ms,
        1,
      )
      return Array.isArray(answers) ? answers[0] : answers
    },
  }
}

await test("S3 the server's clock is stepped", async (t) => {
  t.match(clockedScript, /'clock'/)
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))

  await t.test('back: fences rise all the same', async (t) => {
    const { at, ask } = subject(link, 'a')
    await at(START)
    const first = Number(await ask('acquire', 'p:1', 10_000))
    t.equal(first, START * 1000)
    await ask('release', 'p:1', 0)
    await at(START - HOUR)
    t.equal(Number(await ask('acquire', 'p:2', 10_000)), first + 1)
    t.equal(await ask('release', 'p:2', 60_000), 1)
    t.equal(Number(await ask('try', 'q:1', 10_000)), first + 2)
    t.equal(await ask('try', 'p:2', 10_000), -1, 'and what is void stays so')
  })

  await t.test('back: who waited and has died is not alive for so much longer', async (t) => {
    const { at, ask } = subject(link, 'b')
    await at(START)
    await ask('acquire', 'p:1', 10_000)
    t.same(await ask('acquire', 'dead:1', 10_000), [10_000, 10_000])
    t.equal(await ask('release', 'p:1', 0), 1)
    await at(START - HOUR)
    t.same(await ask('acquire', 'q:1', 10_000), [0, 3000])
    await at(START - HOUR + 3000)
    t.ok(Number(await ask('acquire', 'q:1', 10_000)) > START * 1000)
  })

  await t.test(
    'not at all: who was handed it has it for 2 s, or for a lease once it has renewed it',
    async (t) => {
      const { at, ask } = subject(link, 'f')
      const told: string[] = []
      const up = Promise.withResolvers<void>()
      const message = (text: string) => void told.push(text)
      const leave = link.channels.listen(
        'wake:heard',
        { up: up.resolve, down() {}, message },
        { sharded: false },
      )
      await up.promise
      await at(START)
      await ask('acquire', 'p:1', 10_000)
      await ask('acquire', 'heard:1', 10_000)
      await ask('acquire', 'heard:2', 10_000)
      t.equal(await ask('release', 'p:1', 0), 1)
      t.same(await ask('try', 'q:1', 10_000), [2000, 2000])
      t.equal(await ask('renew', 'heard:1', 10_000), 1)
      t.same(await ask('try', 'q:1', 10_000), [10_000, 10_000])
      t.equal(await ask('release', 'heard:1', 0), 1, 'and to the next')
      await until('both were told', () => told.length === 2)
      t.same(told, [`heard:1 1 ${START * 1000 + 1} 2000`, `heard:2 1 ${START * 1000 + 2} 2000`])
      await at(START + 2000)
      t.ok(Number(await ask('try', 'q:1', 10_000)) > 0, 'the second is dead')
      await leave()
    },
  )

  await t.test('not at all: who is called and not heard is alive for half as long', async (t) => {
    const { at, ask } = subject(link, 'e')
    await at(START)
    await ask('acquire', 'p:1', 10_000)
    await ask('acquire', 'deaf:1', 10_000)
    t.equal(await ask('release', 'p:1', 0), 1)
    t.same(await ask('acquire', 'q:1', 10_000), [0, 1500])
    t.ok(Number(await ask('acquire', 'deaf:1', 10_000)) > 0, 'it is still its turn')
  })

  await t.test('back: a holder that lives keeps it, and its lease is as long as it says', async (t) => {
    const { at, ask } = subject(link, 'c')
    await at(START)
    await ask('acquire', 'p:1', 10_000)
    await at(START - HOUR)
    t.equal(await ask('renew', 'p:1', 10_000), 1)
    t.same(await ask('try', 'q:1', 10_000), [10_000, 10_000])
    await at(START - HOUR + 10_000)
    t.ok(Number(await ask('try', 'q:1', 10_000)) > 0)
  })

  await t.test(
    'forward: leases are over, their holders are told, and the next has a higher fence',
    async (t) => {
      const { at, ask } = subject(link, 'd')
      await at(START)
      const first = Number(await ask('acquire', 'p:1', 10_000))
      await at(START + HOUR)
      const next = Number(await ask('acquire', 'q:1', 10_000))
      t.ok(next > first)
      t.equal(await ask('renew', 'p:1', 10_000), 0)
      t.equal(await ask('release', 'p:1', 0), 0)
      t.same(await ask('try', 'p:2', 10_000), [10_000, 10_000], 'it took nothing from the next')
    },
  )
})

await test('S3 a fence is remembered for a day after its lease was begun', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  const { at, ask } = subject(link, 'a')
  const kept = async () => Number(await say(link, 'pttl', keyOf('state', 'a')))
  const [age, day] = [10_000_000, 86_400_000]
  const begin = Math.ceil(START / age) * age
  await at(begin)
  await ask('acquire', 'p:1', 10_000)
  await ask('release', 'p:1', 0)
  t.ok((await kept()) > day + age - 60_000, 'and for an age more, at first')
  await say(link, 'pexpire', keyOf('state', 'a'), day + 30_000)
  await at(begin + age - 10_001)
  await ask('acquire', 'p:2', 10_000)
  t.ok((await kept()) <= day + 30_000, 'the next lease of an age does not put it off')
  await ask('release', 'p:2', 0)
  await at(begin + age)
  await ask('acquire', 'p:3', 10_000)
  t.ok((await kept()) > day + age - 60_000, 'and the first of the next one does')
  await ask('release', 'p:3', 0)
  await at(begin - 20 * HOUR)
  await ask('acquire', 'p:4', 10_000)
  t.ok((await kept()) > day + 20 * HOUR, 'and a clock that was set back has to catch up first')
})

await test('S3 a state that is written otherwise is nobody to take over from', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  const { at, ask } = subject(link, 'a')
  await at(START)
  await say(link, 'set', keyOf('state', 'a'), `${START * 1000} 0 p:1=${START + 60_000} `, 'PX', HOUR)
  t.match(await ask('acquire', 'q:1', 10_000), [/it says p:1=/])
})

await test('S3 the tokens that were given up do not pile up', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  const { at, ask } = subject(link, 'a')
  for (let number = 1; number <= 150; number++) {
    await at(START + number)
    await ask('release', `p:${number}`, 60_000)
  }
  const { voids } = parsed(String(await say(link, 'get', keyOf('state', 'a'))))
  t.same(
    new Set(voids.map(({ token }) => token)),
    new Set(Array.from({ length: 100 }, (_, i) => `p:${51 + i}`)),
    'the last hundred',
  )
  t.equal(await ask('acquire', 'p:150', 10_000), -1)
  await at(START + 70_000)
  t.ok(Number(await ask('acquire', 'p:150', 10_000)) > 0, 'and in the end none')
  t.same(parsed(String(await say(link, 'get', keyOf('state', 'a')))).voids, [])
})
