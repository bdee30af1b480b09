import { createLimiter } from '@lockstep/coordination'
import { RedisUnavailableError } from '@lockstep/redis'
import { recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { emailOf } from '../src/accounts/email.ts'
import type { UserRepository } from '../src/accounts/repository.ts'
import { createLogin } from '../src/login/login.ts'
import type { Verdict } from '../src/passwords/passwords.ts'

const user = {
  id: 17,
  version: 1,
  email: 'ada@example.org',
  name: 'Ada',
  roles: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}

/** A login on parts that write down what they are asked. */
function recorded({ verdict = 'right', faulty = false }: { verdict?: Verdict; faulty?: boolean } = {}) {
  const asked: string[] = []
  const did = async <T>(step: string, result: T): Promise<T> => {
    asked.push(step)
    return result
  }
  const unused = () => Promise.reject(new Error('a login does not need this'))
  const repository: UserRepository = {
    idByEmail: (key) => did(`id of ${key}`, key === user.email ? user.id : undefined),
    credentials: (id) =>
      did(`credentials of ${id}`, id === user.id ? { passwordHash: 'hash', user } : undefined),
    rehash: (id, hash, replaces) => did(`rehash of ${id}: ${hash} for ${replaces}`, undefined),
    byIds: unused,
    page: unused,
    create: unused,
    change: unused,
    remove: unused,
  }
  const logger = recordingLogger()
  const away = () => Promise.reject(new RedisUnavailableError())
  const limiter = createLimiter({ redis: { shards: 1, run: away }, prefix: 'test', logger })
  const policy = limiter.policy({ name: 'attempts', limit: 3, window: '1h' })
  const login = createLogin({
    repository,
    passwords: {
      hash: (password) => did(`hash ${password}`, 'new hash'),
      verify: (password, stored) => did(`verify ${password} by ${stored}`, verdict),
    },
    attempts: {
      name: 'attempts',
      tiers: [],
      shadow: false,
      peek: (key) => policy.peek(key),
      async consume(key) {
        asked.push(`attempt for ${key}`)
        return policy.consume(key)
      },
      forget: (key) =>
        faulty ? Promise.reject(new RedisUnavailableError()) : did(`forget ${key}`, undefined),
    },
    generation: (id) => did(`generation of ${id}`, 'g1'),
    count: (id) => (faulty ? Promise.reject(new RedisUnavailableError()) : did(`count ${id}`, undefined)),
    logger,
  })
  const logIn = (email: string) =>
    login.logIn(emailOf(email), 'pw', ({ id }, generation) => did(`begin ${id} ${generation}`, 'token'))
  return { asked, login, logIn, logger }
}

await test('A1 the generation is asked for before the password is read, and only then is it checked', async (t) => {
  const { asked, logIn } = recorded()
  t.same(await logIn('Ada@Example.org'), { kind: 'done', user, begun: 'token' })
  t.same(asked.slice(0, 6), [
    'attempt for ada@example.org',
    'id of ada@example.org',
    'generation of 17',
    'credentials of 17',
    'verify pw by hash',
    'begin 17 g1',
  ])
  t.same(new Set(asked.slice(6)), new Set(['forget ada@example.org', 'count 17']))
})

await test('A1 without an account the same is asked, and nothing is begun', async (t) => {
  const { asked, logIn } = recorded({ verdict: 'wrong' })
  t.same(await logIn('eve@example.org'), { kind: 'refused' })
  t.same(asked, [
    'attempt for eve@example.org',
    'id of eve@example.org',
    'generation of 0',
    'credentials of 0',
    'verify pw by undefined',
  ])
  asked.length = 0
  t.same(await logIn('ada@example.org'), { kind: 'refused' })
  t.equal(asked.length, 5)
})

await test('S2 past the limit nothing of the account is looked at', async (t) => {
  const { asked, logIn, login } = recorded({ verdict: 'wrong' })
  for (let n = 0; n < 3; n++) await logIn('ada@example.org')
  asked.length = 0
  t.match(await logIn('ada@example.org'), { kind: 'limited', retryAfterMs: Number })
  t.match(await login.check(17, emailOf('ada@example.org'), 'pw'), { kind: 'limited' })
  t.same(asked, ['attempt for ada@example.org', 'attempt for ada@example.org'])
})

await test('what follows a login takes nothing from it when it fails', async (t) => {
  const { logIn, logger, asked } = recorded({ verdict: 'outdated', faulty: true })
  t.match(await logIn('ada@example.org'), { kind: 'done', begun: 'token' })
  t.ok(asked.includes('rehash of 17: new hash for hash'))
  t.equal(logger.messages().filter((message) => message === 'after a login').length, 2)
  t.notMatch(JSON.stringify(logger.lines), /pw|hash/)
})
