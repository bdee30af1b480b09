import { RedisUnavailableError } from '@lockstep/redis'
import { ManualClock, until } from '@lockstep/testing'
import { test } from 'tap'
import type { Backend } from '../../src/lock/backend.ts'
import { Returns } from '../../src/lock/returns.ts'

await test('S3 what is owed', async (t) => {
  const clock = new ManualClock()
  const away = new Set<string>()
  const given: string[] = []
  const backend: Pick<Backend<undefined>, 'giveBack' | 'onAvailable'> = {
    async giveBack({ resource }) {
      if (away.has(resource)) throw new RedisUnavailableError()
      given.push(resource)
      return true
    },
    onAvailable: () => () => {},
  }
  const unused = () => Promise.reject(new Error('not here'))
  const returns = new Returns(
    {
      ...backend,
      token: () => '',
      ask: unused,
      renew: unused,
      onTurn: () => () => {},
      whenAvailable: unused,
      close: unused,
    },
    clock,
  )
  const names = Array.from({ length: 100 }, (_, i) => `r${i}`)
  for (const name of names) away.add(name)
  for (const resource of names)
    t.equal(await returns.give({ resource, token: resource, lease: 10_000 }, false), 'unknown')
  t.equal(returns.owed, 100)
  t.equal(clock.waiting, 1, 'one timer for all')

  away.clear()
  away.add('r0')
  clock.advance(250)
  await until('all but one are given back', () => returns.owed === 1)
  t.equal(given.length, 99, 'one that is refused keeps back no other')
  t.equal(clock.waiting, 1)
  clock.stop(60_000)
  clock.advance(250)
  await until('it is given up', () => returns.owed === 0)
  t.equal(clock.waiting, 0)
})
