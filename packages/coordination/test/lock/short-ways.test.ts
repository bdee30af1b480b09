import type { RedisLink } from '@lockstep/redis'
import { testRedis, until } from '@lockstep/testing'
import fc from 'fast-check'
import { test } from 'tap'
import { clockedScript, setClock } from './clocked.ts'
import { openLink, urlOf } from './links.ts'
import { keyOf, parsed, say } from './rig.ts'

/**
 * The script with nothing but its long way. Whatever is asked of it and of the script as it is, they must answer the same, say
 * the same to who waits, and leave the same behind.
 */
const long = clockedScript.replace('local usual = ', 'local usual = false and ')
const HOUR = 3_600_000
const MINUTE = 60_000
/** Into times that have a digit more. */
const AGE = 270 * 366 * 24 * HOUR
const START = Date.UTC(2026, 0, 1)

interface Step {
  /** Milliseconds since the step before. */
  readonly after: number
  readonly operation: string
  /** `holder`: whoever has it. */
  readonly token: string
  readonly ms: number
  readonly permits: number
}

/** Nobody listens for the process `dead`. */
const tokens = fc.constantFrom('p:1', 'p:2', 'q:1', 'q:2', 'dead:1')
const after = fc.oneof(
  { arbitrary: fc.constantFrom(0, 1, 7), weight: 24 },
  { arbitrary: fc.constantFrom(499, 1501, 3001), weight: 8 },
  { arbitrary: fc.constantFrom(-40, -5000, -100 * HOUR), weight: 4 },
  { arbitrary: fc.constantFrom(AGE, -AGE), weight: 1 },
)
const leases = fc.constantFrom(8, 1000, 5000, 20_000)
/** A semaphore, now and then: what it leaves, a lock may find. */
const permits = fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 2)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({
        after,
        operation: fc.constantFrom('acquire', 'acquire', 'try', 'renew'),
        token: tokens,
        ms: leases,
        permits,
      }),
      weight: 5,
    },
    {
      arbitrary: fc.record({
        after,
        operation: fc.constantFrom('release', 'release', 'renew'),
        token: fc.oneof(fc.constant('holder'), tokens),
        ms: fc.constantFrom(0, 0, 0, 60, 3000),
        permits,
      }),
      weight: 4,
    },
  ),
  { minLength: 4, maxLength: 40, size: 'max' },
)

const ALIVE = 3000

const textsOf = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : [])

/** Of HGETALL, whose reply may be a list or an object. */
function pairsOf(reply: unknown): Map<string, string> {
  if (!Array.isArray(reply)) return new Map(Object.entries(reply ?? {}).map(([k, v]) => [k, String(v)]))
  const texts = textsOf(reply)
  return new Map(
    Array.from({ length: texts.length / 2 }, (_, n) => [texts[2 * n] ?? '', texts[2 * n + 1] ?? '']),
  )
}

/** What is drawn too seldom: the first in the queue has died, or asks again after that; a fence from times with a digit more. */
const EXAMPLES: [Step[]][] = [
  [
    [
      { after: 0, operation: 'acquire', token: 'p:1', ms: 5000, permits: 1 },
      { after: 0, operation: 'acquire', token: 'q:1', ms: 8, permits: 1 },
      { after: 3001, operation: 'acquire', token: 'q:2', ms: 8, permits: 1 },
      { after: 0, operation: 'acquire', token: 'q:1', ms: 8, permits: 1 },
    ],
  ],
  [
    [
      { after: 0, operation: 'acquire', token: 'p:1', ms: 20_000, permits: 1 },
      { after: 0, operation: 'acquire', token: 'q:1', ms: 8, permits: 1 },
      { after: 3001, operation: 'release', token: 'holder', ms: 0, permits: 1 },
    ],
  ],
  [
    [
      { after: AGE, operation: 'acquire', token: 'p:1', ms: 1000, permits: 1 },
      { after: 0, operation: 'release', token: 'holder', ms: 0, permits: 1 },
      { after: -AGE, operation: 'acquire', token: 'p:1', ms: 1000, permits: 1 },
      { after: 0, operation: 'acquire', token: 'q:1', ms: 1000, permits: 1 },
      { after: 0, operation: 'release', token: 'holder', ms: 0, permits: 1 },
    ],
  ],
]

function subject(link: RedisLink, name: string, script: string) {
  const [state, queue, waiters] = [keyOf('state', name), keyOf('queue', name), keyOf('waiters', name)]
  return {
    async ask({ operation, token, ms, permits }: Omit<Step, 'after'>, turn: number): Promise<unknown> {
      const words = [permits, 'PUBLISH', `${name}:`, operation, token, ms, turn]
      return say(link, 'eval', script, 3, state, queue, waiters, ...words)
    },
    /**
     * What is left, without the dead that are first in the queue, and with nobody alive for longer than who asks now: the long
     * way puts that right each time, the short ones when it matters.
     *
     * @param too whether it is put right here, too
     */
    async left(now: number, too = false) {
      const waiting = pairsOf(await say(link, 'hgetall', waiters))
      const inQueue = textsOf(await say(link, 'lrange', queue, 0, -1))
      const aliveUntil = (token: string) => Number(waiting.get(token)?.split(' ')[0] ?? 0)
      while (inQueue[0] !== undefined && aliveUntil(inQueue[0]) <= now) {
        waiting.delete(inQueue[0])
        if (too) await say(link, 'hdel', waiters, inQueue[0])
        if (too) await say(link, 'lpop', queue)
        inQueue.shift()
      }
      for (const [token, said] of waiting) {
        const alive = `${Math.min(aliveUntil(token), now + ALIVE)} ${said.split(' ')[1]}`
        waiting.set(token, alive)
        if (too) await say(link, 'hset', waiters, token, alive)
      }
      const [text = '0 0  '] = textsOf([await say(link, 'get', state)].filter(Boolean))
      const order = inQueue.map((token) => [token, waiting.get(token)])
      return { ...parsed(text), order, waiters: waiting.size }
    },
    /** For how long what is left is remembered, in ms. */
    kept: async () => Number(await say(link, 'pttl', state)),
    async isDead(token: string, now: number): Promise<boolean> {
      const said = pairsOf(await say(link, 'hgetall', waiters)).get(token)
      return said !== undefined && Number(said.split(' ')[0]) <= now
    },
    forget: () => say(link, 'del', state, queue, waiters),
  }
}

await test('S3 the short ways of the script do what the long one does', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  t.not(long, clockedScript)
  const said: Record<string, string[]> = { short: [], long: [] }
  let up = 0
  for (const name of ['short', 'long'])
    for (const process of ['p', 'q'])
      link.channels.listen(`${name}:${process}`, {
        up: () => void up++,
        down: () => {},
        message: (text) => void said[name]?.push(text),
      })
  await until('they listen', () => up === 4)

  const [one, other] = [subject(link, 'short', clockedScript), subject(link, 'long', long)]
  const property = fc.asyncProperty(steps, async (asked) => {
    let now = START
    await Promise.all([one.forget(), other.forget()])
    let holder = 'p:1'
    for (const [turn, { after, ...asks }] of asked.entries()) {
      const settle = () => Promise.all([one.left(now, true), other.left(now, true)])
      const step = { ...asks, token: asks.token === 'holder' ? holder : asks.token }
      // Who was dead may live again when the clock is set back, or be dropped before.
      if (after < 0) await settle()
      now += after
      await setClock(link, now)
      // Who is dead and asks again may have kept its place, or not.
      const dead = await Promise.all([one, other].map(({ isDead }) => isDead(step.token, now)))
      if (after < 0 || dead.includes(true)) await settle()
      const answers = await Promise.all([one.ask(step, turn), other.ask(step, turn)])
      const [left, expected] = await Promise.all([one.left(now), other.left(now)])
      const [kept, atLeast] = await Promise.all([one.kept(), other.kept()])
      holder = expected.holders[0]?.token ?? holder
      const differs =
        JSON.stringify(answers[0]) !== JSON.stringify(answers[1]) ||
        JSON.stringify(left) !== JSON.stringify(expected) ||
        kept < atLeast - MINUTE
      if (differs)
        throw new Error(
          `step ${turn} of ${JSON.stringify(asked)}: ${JSON.stringify({ answers, left, expected, kept, atLeast })}`,
        )
    }
  })
  await fc.assert(property, { numRuns: 150, examples: EXAMPLES })
  await until('all that was said is heard', () => said['short']?.length === said['long']?.length)
  t.same(said['short'], said['long'], `${said['long']?.length} were handed to`)
  t.ok((said['long']?.length ?? 0) > 10)
})
