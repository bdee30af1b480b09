import { until } from '@lockstep/testing'
import { test } from 'tap'
import { parsePhc } from '../src/passwords/phc.ts'
import { ADMIN, Client, openShop, PASSWORD, register, withSession, withToken } from './fixtures/shop.ts'

const WRONG = 'a-password-that-is-wrong'

await test('S2 guessing is slowed, by account and by address', async (t) => {
  const shop = await openShop(t, {
    LOGIN_ATTEMPTS: '5',
    LOGIN_ADDRESS_ATTEMPTS: '12',
    LOGIN_ADDRESS_WINDOW: '15m',
    REGISTRATIONS: '4',
  })
  const { url } = await shop.replica()
  const second = await shop.guest()
  let last = 0
  /** Each time somebody at another address. */
  const elsewhere = () => ({ 'x-forwarded-for': `192.0.2.${++last}` })
  const guess = (email: string, headers: Record<string, string>, password = WRONG, at = url) =>
    new Client(at).post('/auth/token', { email, password }, headers)
  const refused = {
    status: 429,
    headers: { 'retry-after': /^[1-9]\d*$/ },
    body: { code: 'ATTEMPTS_USED_UP' },
  }

  await t.test(
    'S2 by account: from any address, over all replicas, whether or not there is one',
    async (t) => {
      const ada = await register(url)
      for (const email of [ada.email, 'absent@example.org']) {
        const spellings = [email, email.toUpperCase(), ` ${email}`, email, email]
        for (const [at, spelling] of spellings.entries()) {
          t.match(await guess(spelling, elsewhere(), WRONG, at % 2 ? second.url : url), { status: 401 })
        }
        t.match(await guess(email, elsewhere()), refused)
        t.match(await guess(email, elsewhere(), WRONG, second.url), refused)
        t.match(await new Client(url).post('/auth/login', { email, password: WRONG }, elsewhere()), refused)
      }
      t.match(
        await guess(ada.email, elsewhere(), PASSWORD),
        refused,
        'nor does the right password get through',
      )
      t.match(await guess(ADMIN.email, elsewhere(), ADMIN.password), { status: 200 }, 'others do')
    },
  )

  await t.test('S2 at once: never more guesses than the limit', async (t) => {
    const ada = await register(url, 'burst@example.org')
    const guesses = Array.from({ length: 20 }, (_, n) =>
      guess(ada.email, elsewhere(), WRONG, n % 2 ? second.url : url),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    t.equal(statuses.filter((status) => status === 401).length, 5)
    t.equal(statuses.filter((status) => status === 429).length, 15)
  })

  await t.test(
    'S2 a success frees the attempts of the account; changing the password takes from them',
    async (t) => {
      const headers = elsewhere()
      const ada = { email: 'often@example.org', password: PASSWORD, name: 'Ada' }
      const { body } = await new Client(url).post('/users', ada, headers)
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 4; n++) t.match(await guess(ada.email, elsewhere()), { status: 401 })
        t.match(await guess(ada.email, elsewhere(), PASSWORD), { status: 200 })
      }
      const { token } = (await guess(ada.email, elsewhere(), PASSWORD)).body
      const self = new Client(url, { authorization: `Bearer ${token}` })
      const change = { password: 'a-new-password-of-ada', currentPassword: WRONG }
      for (let n = 0; n < 5; n++) {
        t.match(
          await self.call('PATCH', `/users/${body.id}`, change),
          { status: 403 },
          'a stolen token guesses',
        )
      }
      t.match(await self.call('PATCH', `/users/${body.id}`, change), refused, 'but not for long')
    },
  )

  await t.test('S2 by address: over all accounts', async (t) => {
    const headers = elsewhere()
    for (let n = 0; n < 12; n++) {
      t.match(await guess(`sprayed-${n}@example.org`, headers, WRONG, n % 2 ? second.url : url), {
        status: 401,
      })
    }
    t.match(await guess('sprayed-12@example.org', headers), {
      status: 429,
      headers: { 'retry-after': /^[1-9]\d*$/ },
      body: { code: 'RATE_LIMITED' },
    })
    t.match(await guess('sprayed-12@example.org', elsewhere()), { status: 401 })
  })

  await t.test(
    'S2 asking by registration or by a change of email who has an account is slowed, too',
    async (t) => {
      const headers = elsewhere()
      const taken = { email: ADMIN.email, password: PASSWORD, name: 'Eve' }
      for (let n = 0; n < 4; n++)
        t.match(await new Client(url).post('/users', taken, headers), { status: 409 })
      t.match(await new Client(url).post('/users', taken, headers), {
        status: 429,
        body: { code: 'RATE_LIMITED' },
      })

      const eve = { email: 'curious@example.org', password: PASSWORD, name: 'Eve' }
      const { body } = await new Client(url).post('/users', eve, elsewhere())
      const self = await withToken(url, eve)
      for (let n = 0; n < 4; n++) {
        t.match(await self.call('PATCH', `/users/${body.id}`, { email: ADMIN.email }), {
          status: 409,
          body: { code: 'EMAIL_TAKEN' },
        })
      }
      t.match(await self.call('PATCH', `/users/${body.id}`, { email: ADMIN.email }), refused)
      t.match(await self.call('PATCH', `/users/${body.id}`, { name: 'Still' }), { status: 200 })
    },
  )
})

await test('hashing passwords', async (t) => {
  const shop = await openShop(t)

  await t.test('S2 too many at once: 503 with Retry-After, and what is admitted is done', async (t) => {
    const { url } = await shop.guest({
      PASSWORD_CONCURRENCY: '1',
      PASSWORD_QUEUE: '2',
      LOGIN_ATTEMPTS: '100',
    })
    const ada = await register(url)
    const logins = Array.from({ length: 30 }, () =>
      new Client(url).post('/auth/token', { email: ada.email, password: PASSWORD }),
    )
    const answers = await Promise.all(logins)
    const busy = answers.filter(({ status }) => status === 503)
    t.ok(busy.length > 0, `${busy.length} of 30 were refused`)
    for (const answer of busy) {
      t.match(answer, { headers: { 'retry-after': '2' }, body: { code: 'PASSWORDS_BUSY' } })
    }
    t.equal(answers.filter(({ status }) => status === 200).length, 30 - busy.length)
    t.match(await withToken(url, ada), Client, 'it is over as soon as they are done')
  })

  await t.test('a hash is made anew when more is to be spent on it', async (t) => {
    const first = await shop.guest()
    const ada = await register(first.url)
    const { database } = shop
    const stored = async () =>
      database.db
        .selectFrom('users')
        .select(['password_hash', 'version'])
        .where('id', '=', ada.id)
        .executeTakeFirstOrThrow()
    const before = await stored()
    t.match(parsePhc(before.password_hash), { memory: 7168, passes: 1, parallelism: 1 })
    await withToken(first.url, ada)
    t.same(await stored(), before, 'not without a reason')

    const second = await shop.guest({ PASSWORD_MEMORY: '8192', PASSWORD_PASSES: '2' })
    const session = await withSession(first.url, ada)
    t.match(await new Client(second.url).post('/auth/token', { ...ada, id: undefined, password: WRONG }), {
      status: 401,
    })
    t.same(await stored(), before, 'not by a wrong password')
    await withToken(second.url, ada)
    const after = await until(
      'it is stored',
      async () => {
        const now = await stored()
        return now.password_hash !== before.password_hash && now
      },
      60_000,
    )
    t.match(parsePhc(after.password_hash), { memory: 8192, passes: 2 })
    t.equal(after.version, before.version, 'the account has not changed')
    t.match(await session.get('/profile'), { status: 200 }, 'nobody is logged out by it')
    await withToken(first.url, ada)
    t.same(await stored(), after, 'it is not made cheaper by a replica with old settings')
  })
})
