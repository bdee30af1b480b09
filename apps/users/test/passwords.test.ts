import { test } from 'tap'
import { createPasswords } from '../src/passwords/passwords.ts'
import { formatPhc, parsePhc } from '../src/passwords/phc.ts'
import { createQueue } from '../src/passwords/queue.ts'

/** From the tests of the reference implementation (phc-winner-argon2, src/test.c). */
const REFERENCE = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

const passwordsOf = (memory: number, passes: number) =>
  createPasswords({ memory, passes, concurrency: 2, waiting: 100 })

await test('a PHC string is read and written as others do', async (t) => {
  const hashed = parsePhc(REFERENCE)
  t.match(hashed, { memory: 65_536, passes: 2, parallelism: 1 })
  t.equal(hashed?.salt.toString(), 'somesalt')
  t.equal(hashed && formatPhc(hashed), REFERENCE)
  for (const text of [
    '',
    'password',
    REFERENCE.replace('argon2id', 'argon2i'),
    REFERENCE.replace('v=19', 'v=16'),
    REFERENCE.replace('t=2', 't='),
    REFERENCE.replace('m=65536', 'm=99999999'),
    `${REFERENCE}$`,
    REFERENCE.slice(0, -40),
  ]) {
    t.equal(parsePhc(text), undefined, text)
  }
})

await test('a password is checked by what its own string says', async (t) => {
  const passwords = passwordsOf(7168, 1)
  t.equal(
    await passwords.verify('password', REFERENCE),
    'right',
    'of another implementation, and dearer than ours',
  )
  t.equal(await passwords.verify('passwore', REFERENCE), 'wrong')
  await t.rejects(passwords.verify('password', 'password'), { message: /PHC/ })
})

await test('a hash has a salt of its own, and nothing of the password', async (t) => {
  const passwords = passwordsOf(7168, 1)
  const [one, other] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')])
  t.match(one, /^\$argon2id\$v=19\$m=7168,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, other)
  t.equal(await passwords.verify('correct horse', one), 'right')
  t.equal(await passwords.verify('correct horsf', one), 'wrong')
  t.equal(await passwords.verify('', one), 'wrong')
  const long = 'é'.repeat(127)
  const hash = await passwords.hash(`${long}a`)
  t.equal(await passwords.verify(`${long}b`, hash), 'wrong', 'no byte is cut off')
  t.equal(await passwords.verify(`${'e\u0301'.repeat(127)}a`, hash), 'right', 'however é was typed')
})

await test('a hash that cost less than is spent today is outdated, one that cost more is not', async (t) => {
  const hash = await passwordsOf(8192, 2).hash('correct horse')
  for (const [memory, passes, verdict] of [
    [8192, 2, 'right'],
    [7168, 1, 'right'],
    [8192, 3, 'outdated'],
    [9216, 2, 'outdated'],
    [9216, 1, 'outdated'],
  ] as const) {
    t.equal(await passwordsOf(memory, passes).verify('correct horse', hash), verdict, `${memory} ${passes}`)
    t.equal(await passwordsOf(memory, passes).verify('wrong', hash), 'wrong')
  }
})

await test('where there is no account the same work is done', async (t) => {
  const passwords = passwordsOf(19_456, 2)
  const stored = await passwords.hash('correct horse')
  const cpu = async (hash: string | undefined) => {
    const before = process.cpuUsage()
    t.equal(await passwords.verify('wrong', hash), 'wrong')
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  await cpu(stored)
  const [present, absent] = [await cpu(stored), await cpu(undefined)]
  t.ok(absent > present / 4, `${absent} µs of work without an account, ${present} µs with one`)
})

await test('the line is bounded, in order, and survives failures', async (t) => {
  const inTurn = createQueue({ concurrency: 2, waiting: 3 })
  const done: number[] = []
  const releases: (() => void)[] = []
  let [busy, most] = [0, 0]
  const work = (n: number) =>
    inTurn(async () => {
      most = Math.max(most, ++busy)
      await new Promise<void>((resolve) => void releases.push(resolve))
      busy--
      done.push(n)
      if (n === 1) throw new Error('it failed')
      return n
    })
  const all = [0, 1, 2, 3, 4].map((n) => work(n))
  await t.rejects(work(5), { code: 'PASSWORDS_BUSY', message: /3 passwords/ })
  const settled = Promise.allSettled(all)
  while (done.length < 5) {
    releases.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.same(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
  t.same(done, [0, 1, 2, 3, 4])
  t.equal(most, 2)
  const later = work(6)
  releases.shift()?.()
  t.equal(await later, 6, 'there is room again')
})
