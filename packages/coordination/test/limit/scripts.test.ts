import { readFileSync } from 'node:fs'
import { testRedis } from '@lockstep/testing'
import fc from 'fast-check'
import { test } from 'tap'
import type { Kind } from '../../src/index.ts'
import { limitScript } from '../../src/limit/scripts.ts'
import type { Answer } from '../../src/limit/store.ts'
import { openLink, steeredStore } from './rig.ts'
import { excess, inMemory, POLICIES, type Step, schedule, timesOf } from './schedules.ts'

const KINDS: readonly Kind[] = ['sliding', 'exact', 'smooth']
const read = (name: string) =>
  readFileSync(new URL(`../../src/limit/lua/${name}.lua`, import.meta.url), 'utf8')

await test('each script opens with what it takes and returns, and reads no clock but one', async (t) => {
  const numbers: Record<Kind, string> = {
    sliding: 'limit grain',
    exact: 'limit window',
    smooth: 'burst interval',
  }
  for (const kind of KINDS) {
    const lines = read(kind).split('\n')
    t.equal(lines[0], '#!lua flags=allow-oom', 'a limit holds when memory is full')
    t.ok(lines[1]?.startsWith(`-- ${kind}: `))
    t.equal(lines[2], '-- KEYS meter...')
    t.equal(lines[3], `-- ARGV mode lifetime tiers (${numbers[kind]})... item...`)
    t.ok(lines[4]?.startsWith('-- Returns '))
    const { lua, sha1 } = limitScript(kind)
    t.equal(lua.match(/'TIME'/g)?.length, 1)
    t.match(sha1, /^[0-9a-f]{40}$/)
    t.not(limitScript(kind, 'local now = 1\n').sha1, sha1)
  }
})

await test('the scripts say what the reference says, to the number, whatever the clock does', async (t) => {
  const { url } = await testRedis(t)
  const link = await openLink(t, { REDIS_URL: url })
  const begin = Date.now() * 1000
  let runs = 0
  for (const options of POLICIES) {
    const { spec, store, setTime } = steeredStore(link, options)
    // From here on Redis knows the script, and commands keep their order.
    await setTime(begin)
    await store.ask(0, [{ name: 'first', cost: 1, want: 0 }], 'consume')
    const inRedis = async (steps: readonly Step[]): Promise<Answer[]> => {
      const run = runs++
      const name = `run:${run}`
      const times = timesOf(steps, begin)
      const answers = await Promise.all(
        steps.map(async ({ cost }, at) => {
          const set = setTime(times[at]?.server ?? 0)
          // Alone, or with others in one call, before and after it.
          const names = run % 2 === 0 ? [name] : [`${name}:a`, name, `${name}:b`]
          const asks = names.map((each) => ({ name: each, cost, want: 0 }))
          const answers = await store.ask(0, asks, 'consume')
          await set
          const [answer, ...others] = answers
          if (answer === undefined || answer instanceof Error) throw answer ?? new Error('no answer')
          for (const other of others)
            if (JSON.stringify(other) !== JSON.stringify(answer)) throw new Error('not alike')
          return answer
        }),
      )
      return answers
    }
    await fc.assert(
      fc.asyncProperty(schedule(spec.most, true), async (steps) => {
        const answers = await inRedis(steps)
        const reference = inMemory(spec, steps, begin)
        if (excess(spec, steps, answers, begin) > 0) throw new Error('more than the limit')
        for (const [at, answer] of answers.entries()) {
          if (JSON.stringify(answer) === JSON.stringify(reference[at])) continue
          throw new Error(`step ${at}: ${JSON.stringify(answer)}, not ${JSON.stringify(reference[at])}`)
        }
      }),
      { numRuns: 150 },
    )
    t.pass(spec.name)
  }
})
