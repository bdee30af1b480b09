import { test } from 'tap'
import { lookAt } from './fixtures/redis.ts'
import { ADMIN, Client, openShop, register, withSession, withToken } from './fixtures/shop.ts'

await test('D1 a profile is a hash of Redis', async (t) => {
  const shop = await openShop(t, { ADMIN_TOKEN: 'a-token-of-the-operator', PROFILE_TTL: '1h' })
  const { url } = await shop.guest()
  const ada = await register(url)
  const self = await withToken(url, ada)

  await t.test('D1 the whole of it, with the count of logins of both kinds', async (t) => {
    const began = Date.now()
    const session = await withSession(url, ada)
    const { status, body, headers } = await session.get('/profile')
    t.match({ status, headers }, { status: 200, headers: { 'cache-control': 'no-store' } })
    t.match(body.account, { id: ada.id, email: ada.email, roles: [] })
    t.equal(body.profile.logins, 2)
    t.ok(Math.abs(Date.parse(body.profile.lastLogin) - began) < 600_000, body.profile.lastLogin)
    await new Client(url).post('/auth/token', { email: ada.email, password: 'a-password-that-is-wrong' })
    t.equal((await self.get('/profile')).body.profile.logins, 2, 'a login that failed is none')
  })

  await t.test('D1 fields: set, get one, exists, delete; null deletes', async (t) => {
    t.match(await self.get('/profile/theme'), { status: 404, body: { code: 'FIELD_NOT_FOUND' } })
    t.match(await self.call('HEAD', '/profile/theme'), { status: 404 })
    t.match(await self.call('PATCH', '/profile', { theme: 'dark', language: 'en-GB' }), {
      status: 200,
      body: { logins: 2, theme: 'dark', language: 'en-GB' },
    })
    t.match(await self.get('/profile/theme'), { status: 200, body: { value: 'dark' } })
    t.match(await self.get('/profile/logins'), { status: 200, body: { value: 2 } })
    t.match(await self.get('/profile/lastLogin'), { status: 200, body: { value: /Z$/ } })
    t.match(await self.call('HEAD', '/profile/theme'), { status: 204 })
    t.match(await self.call('DELETE', '/profile/theme'), { status: 204 })
    t.match(await self.call('DELETE', '/profile/theme'), { status: 404 })
    const { body } = await self.call('PATCH', '/profile', { language: null, theme: 'light' })
    t.same(Object.keys(body).toSorted(), ['lastLogin', 'logins', 'theme'])
  })

  await t.test('D1 what counts cannot be set, nor anything else that is none of his', async (t) => {
    for (const change of [
      { logins: 0 },
      { seen: 1 },
      { theme: 'pink' },
      { language: 'a b' },
      { x: 'y' },
      {},
      [],
    ]) {
      t.match(await self.call('PATCH', '/profile', change), { status: 400 }, JSON.stringify(change))
    }
    for (const path of ['/profile/logins', '/profile/lastLogin', '/profile/x']) {
      t.match(await self.call('DELETE', path), { status: 400 }, path)
    }
    t.match(await self.get('/profile/__proto__'), { status: 400 })
    for (const path of ['/profile', '/profile/theme']) {
      t.match(await new Client(url).get(path), { status: 401 }, path)
    }
    const eve = await withToken(url, await register(url))
    t.match(await eve.get('/profile/theme'), { status: 404 }, 'each has his own')
  })

  await t.test('D1 it has a lifetime, and ends with the account', async (t) => {
    const redis = await lookAt(t, shop.redis.url)
    const find = () => redis.keys(`*:profiles:${ada.id}`)
    const [key = ''] = await find()
    const left = Number(await redis.call('pttl', key))
    t.ok(left > 0 && left <= 3_600_000, String(left))
    t.match(await self.call('DELETE', `/users/${ada.id}`), { status: 204 })
    t.same(await find(), [])
  })

  await t.test('callers without an account: the operator has no profile, and may administer', async (t) => {
    const operator = new Client(url, { authorization: 'Bearer a-token-of-the-operator' })
    for (const path of ['/profile', '/profile/logins', '/sessions']) {
      t.match(await operator.get(path), { status: 403, body: { code: 'FORBIDDEN' } }, path)
    }
    const eve = await register(url)
    t.match(await operator.get(`/users/${eve.id}`), { status: 200 })
    t.match(await operator.get('/cache/stats'), { status: 200 }, 'A2')
    t.match(await (await withToken(url, ADMIN)).get('/users'), { status: 200 })
  })
})
