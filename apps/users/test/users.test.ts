import { test } from 'tap'
import { ADMIN, Client, openShop, PASSWORD, register, withSession, withToken } from './fixtures/shop.ts'

const ascending = (statuses: number[]) => statuses.toSorted((one, other) => one - other)

await test('A1 accounts on a real Redis and a real Postgres', async (t) => {
  const shop = await openShop(t)
  const { url } = await shop.replica({ SERVICE_ID: 'users-1' })
  const anonymous = new Client(url)
  const admin = await withToken(url, ADMIN)

  await t.test('A1 register: 201 with the account, and nothing of the password', async (t) => {
    const answer = await anonymous.post('/users', {
      email: '  Ada@Example.org ',
      password: PASSWORD,
      name: 'Ada Lovelace',
    })
    t.match(answer, {
      status: 201,
      headers: { location: /^\/users\/\d+$/, 'cache-control': 'no-store', 'x-served-by': 'users-1' },
      body: { email: 'Ada@Example.org', name: 'Ada Lovelace', roles: [], version: 1 },
    })
    t.same(Object.keys(answer.body).toSorted(), [
      'createdAt',
      'email',
      'id',
      'name',
      'roles',
      'updatedAt',
      'version',
    ])
    for (const email of ['ada@example.org', 'ADA@EXAMPLE.ORG', 'ada@example.org\t']) {
      t.match(
        await anonymous.post('/users', { email, password: PASSWORD, name: 'Eve' }),
        { status: 409, body: { code: 'EMAIL_TAKEN', errors: [{ field: 'body.email' }] } },
        `${JSON.stringify(email)} is the same`,
      )
    }
    const racers = Array.from({ length: 5 }, () =>
      anonymous.post('/users', { email: 'race@example.org', password: PASSWORD, name: 'R' }),
    )
    const statuses = (await Promise.all(racers)).map(({ status }) => status)
    t.same(ascending(statuses), [201, 409, 409, 409, 409], 'one of five who register at once')
  })

  await t.test(
    'A1 by id and by email: for the user himself and admins; cached; 404 when absent',
    async (t) => {
      const ada = await register(url, 'Own@Example.org')
      const self = await withToken(url, ada)
      for (const client of [self, admin]) {
        t.match(await client.get(`/users/${ada.id}`), {
          status: 200,
          body: { id: ada.id, email: 'Own@Example.org' },
        })
        t.match(await client.get('/users/by-email/own@EXAMPLE.org'), { status: 200, body: { id: ada.id } })
      }
      t.match(await self.get(`/users/${ada.id}`), {
        headers: { 'cache-status': /^lockstep-l1; hit/, 'cache-control': 'no-store' },
      })
      t.match(await admin.get('/users/2000000000'), { status: 404, body: { code: 'USER_NOT_FOUND' } })
      t.match(await admin.get('/users/by-email/nobody@example.org'), { status: 404 })
    },
  )

  await t.test("A1 nobody sees or changes another's data, or learns whether it is there", async (t) => {
    const [ada, eve] = [await register(url), await register(url)]
    const self = await withSession(url, eve)
    const absent = 2_000_000_000
    const without = (text: string) => text.replaceAll(/urn:uuid:[\w-]+/g, '')
    for (const [there, notThere, method, body] of [
      [`/users/${ada.id}`, `/users/${absent}`, 'GET'],
      [`/users/by-email/${ada.email}`, '/users/by-email/absent@example.org', 'GET'],
      [`/users/${ada.id}`, `/users/${absent}`, 'PATCH', { name: 'Mallory' }],
      [
        `/users/${ada.id}`,
        `/users/${absent}`,
        'PATCH',
        { password: 'a-password-of-mallory', currentPassword: PASSWORD },
      ],
      [`/users/${ada.id}`, `/users/${absent}`, 'DELETE'],
      [`/users/${ada.id}/roles`, `/users/${absent}/roles`, 'PUT', { roles: ['admin'] }],
    ] as const) {
      const answers = [await self.call(method, there, body), await self.call(method, notThere, body)]
      t.match(answers, [
        { status: 403, body: { code: 'FORBIDDEN' } },
        { status: 403, body: { code: 'FORBIDDEN' } },
      ])
      t.equal(without(answers[0]?.text ?? ''), without(answers[1]?.text ?? ''), `${method} ${there}`)
      t.match(await anonymous.call(method, there, body), { status: 401, body: { code: 'CALLER_REQUIRED' } })
    }
    t.match(await self.get('/users'), { status: 403 })
    t.match(await anonymous.get('/users'), { status: 401, headers: { 'www-authenticate': /^Bearer/ } })
    t.match(await admin.get(`/users/${ada.id}`), { body: { name: 'Ada', version: 1 } }, 'nothing has changed')
  })

  await t.test('A1 the list: skip and limit with their bounds, for admins', async (t) => {
    const all = (await admin.get('/users?limit=1000')).body
    t.equal(all.items.length, all.total)
    const part = (await admin.get('/users?skip=1&limit=2')).body
    t.match(part, { skip: 1, limit: 2, total: all.total })
    t.same(part.items, all.items.slice(1, 3))
    t.match(await admin.get('/users?skip=2147483647'), { status: 200, body: { items: [] } })
    for (const query of [
      'limit=0',
      'limit=1001',
      'skip=-1',
      'skip=99999999999999999999',
      'limit=x',
      'skip=1.5',
    ]) {
      t.match(await admin.get(`/users?${query}`), { status: 400, body: { code: 'VALIDATION_FAILED' } }, query)
    }
  })

  await t.test('A1 update is written through: id, both emails, and the lists (K13)', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    const listed = `/users?limit=1000`
    await admin.get(listed)
    await admin.get(`/users/by-email/${ada.email}`)
    await admin.get(`/users/by-email/new-${ada.email}`)
    t.match(await admin.get(listed), { headers: { 'cache-status': /^lockstep-l1; hit/ } })
    const changed = await self.call('PATCH', `/users/${ada.id}`, {
      version: 1,
      name: 'Augusta',
      email: `New-${ada.email}`,
    })
    t.match(changed, { status: 200, body: { version: 2, name: 'Augusta', email: `New-${ada.email}` } })
    const write = { 'lockstep-write': String(changed.headers['lockstep-write']) }
    t.match(await self.get(`/users/${ada.id}`, write), {
      headers: { 'cache-status': /^lockstep-l[12]; hit/ },
      body: { name: 'Augusta', version: 2 },
    })
    t.match(await admin.get(`/users/by-email/new-${ada.email}`, write), { status: 200, body: { id: ada.id } })
    t.match(
      await admin.get(`/users/by-email/${ada.email}`, write),
      { status: 404 },
      'the old address is free',
    )
    const page = await admin.get(listed, write)
    t.match(page.headers['cache-status'], /fwd=miss/, 'the list was dropped')
    t.match(
      page.body.items.find(({ id }: { id: number }) => id === ada.id),
      { name: 'Augusta' },
    )
    t.equal((await register(url, ada.email)).email, ada.email)
  })

  await t.test('A1 a change made against another version is refused; of ten racers one wins', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    const racers = Array.from({ length: 10 }, (_, n) =>
      self.call('PATCH', `/users/${ada.id}`, { version: 1, name: `Racer ${n}` }),
    )
    const statuses = (await Promise.all(racers)).map(({ status }) => status)
    t.same(ascending(statuses), [200, ...Array.from({ length: 9 }, () => 409)])
    t.match(await self.call('PATCH', `/users/${ada.id}`, { version: 1, name: 'Late' }), {
      status: 409,
      body: { code: 'VERSION_CONFLICT', detail: /version 2/ },
    })
    t.match(await self.call('DELETE', `/users/${ada.id}?version=1`), { status: 409 })
    t.match(await self.call('PATCH', `/users/${ada.id}`, { name: 'Without a version' }), { status: 200 })
  })

  await t.test('A1 delete: id, email and lists are gone, and the address is free again', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    await admin.get(`/users/${ada.id}`)
    await admin.get(`/users/by-email/${ada.email}`)
    const { total } = (await admin.get('/users')).body
    t.equal((await self.call('DELETE', `/users/${ada.id}`)).status, 204)
    t.match(await self.get(`/users/${ada.id}`), { status: 401 }, 'his token is over')
    t.match(await admin.get(`/users/${ada.id}`), { status: 404 })
    t.match(await admin.get(`/users/by-email/${ada.email}`), { status: 404 })
    t.equal((await admin.get('/users')).body.total, total - 1)
    t.match(await admin.call('DELETE', `/users/${ada.id}`), { status: 404 })
    t.match(await anonymous.post('/auth/token', ada), { status: 400 }, 'an id is none of a login')
    t.match(await anonymous.post('/auth/token', { email: ada.email, password: PASSWORD }), { status: 401 })
    t.not((await register(url, ada.email)).id, ada.id)
  })

  await t.test('A1 nobody gives himself what is not his to give: roles, ids, versions, hashes', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    const rest = { password: PASSWORD, name: 'Eve' }
    for (const field of ['roles', 'id', 'passwordHash', 'password_hash', 'isAdmin', 'version', '__proto__']) {
      const extra = `{"email":"x-${field}@example.org","password":"${PASSWORD}","name":"Eve","${field}":["admin"]}`
      t.match(await anonymous.post('/users', extra), { status: 400 }, `register with ${field}`)
    }
    for (const field of ['roles', 'id', 'passwordHash', 'createdAt']) {
      t.match(
        await self.call('PATCH', `/users/${ada.id}`, { name: 'x', [field]: ['admin'] }),
        { status: 400, body: { errors: [{ field: `body.${field}` }] } },
        `change with ${field}`,
      )
    }
    t.match(await self.get(`/users/${ada.id}`), { body: { roles: [], version: 1 } })
    t.match(await self.call('PUT', `/users/${ada.id}/roles`, { roles: ['admin'] }), { status: 403 })
    t.match(await anonymous.post('/users', { ...rest, email: 'ok@example.org' }), { status: 201 })
  })

  await t.test(
    'A1 roles: given and taken by admins; whoever has them is logged out everywhere',
    async (t) => {
      const ada = await register(url)
      const [token, session] = [await withToken(url, ada), await withSession(url, ada)]
      t.match(await admin.call('PUT', `/users/${ada.id}/roles`, { roles: ['admin'] }), {
        status: 200,
        body: { roles: ['admin'], version: 2 },
      })
      t.match(await token.get('/profile'), { status: 401, body: { code: 'TOKEN_INVALID' } })
      t.match(await session.get('/profile'), { status: 401 })
      const risen = await withToken(url, ada)
      t.match(await risen.get('/users'), { status: 200 })
      t.match(await admin.call('PUT', `/users/${ada.id}/roles`, { roles: [] }), { status: 200 })
      t.match(await risen.get('/users'), { status: 401 }, 'a role that was taken is gone at once')
      for (const roles of [['service'], ['root'], ['admin', 'admin'], 'admin', [null]]) {
        t.match(
          await admin.call('PUT', `/users/${ada.id}/roles`, { roles }),
          { status: 400 },
          JSON.stringify(roles),
        )
      }
      t.match(await admin.call('PUT', '/users/2000000000/roles', { roles: [] }), { status: 404 })
    },
  )

  await t.test(
    'A1 the last admin stays one, also when two take the role from one another at once',
    async (t) => {
      const root = (await admin.get('/profile')).body.account.id
      t.match(await admin.call('PUT', `/users/${root}/roles`, { roles: [] }), {
        status: 409,
        body: { code: 'LAST_ADMIN' },
      })
      t.match(await admin.call('DELETE', `/users/${root}`), { status: 409, body: { code: 'LAST_ADMIN' } })
      const ada = await register(url)
      for (let round = 0; round < 5; round++) {
        const first = await withToken(url, ADMIN)
        t.equal((await first.call('PUT', `/users/${ada.id}/roles`, { roles: ['admin'] })).status, 200)
        const second = await withToken(url, ada)
        const [one, other] = await Promise.all([
          first.call('PUT', `/users/${ada.id}/roles`, { roles: [] }),
          second.call('PUT', `/users/${root}/roles`, { roles: [] }),
        ])
        const statuses = [one.status, other.status]
        t.equal(
          statuses.filter((status) => status === 200).length,
          1,
          `one of both, round ${round}: ${statuses.join()}`,
        )
        if (other.status === 200) {
          const last = await withToken(url, ada)
          t.equal((await last.call('PUT', `/users/${root}/roles`, { roles: ['admin'] })).status, 200)
          const back = await withToken(url, ADMIN)
          t.equal((await back.call('PUT', `/users/${ada.id}/roles`, { roles: [] })).status, 200)
        }
      }
    },
  )

  await t.test('what is wrong with a request is said, with the field', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    const good = { email: 'good@example.org', password: PASSWORD, name: 'Good' }
    const bodies: [object, string][] = [
      [{ email: good.email, password: PASSWORD }, 'body.name'],
      [{ ...good, email: 'nobody' }, 'body.email'],
      [{ ...good, email: 'a\u0000@example.org' }, 'body.email'],
      [{ ...good, email: '\ud800@example.org' }, 'body.email'],
      [{ ...good, email: `${'a'.repeat(250)}@example.org` }, 'body.email'],
      [{ ...good, password: 'short' }, 'body.password'],
      [{ ...good, password: 'x'.repeat(129) }, 'body.password'],
      [{ ...good, password: `${PASSWORD}\ud800` }, 'body.password'],
      [{ ...good, password: `${PASSWORD}\u0000` }, 'body.password'],
      [{ ...good, password: 123_456_789_012 }, 'body.password'],
      [{ ...good, name: '   ' }, 'body.name'],
      [{ ...good, name: 'a\u0000b' }, 'body.name'],
      [{ ...good, name: 'a\nb' }, 'body.name'],
      [{ ...good, name: '\udc00' }, 'body.name'],
      [{ ...good, name: 'x'.repeat(101) }, 'body.name'],
      [{ ...good, name: null }, 'body.name'],
    ]
    for (const [body, field] of bodies) {
      t.match(
        await anonymous.post('/users', body),
        { status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } },
        JSON.stringify(body).slice(0, 100),
      )
    }
    for (const id of ['0', '-1', 'abc', '1.5', '2147483648', '99999999999999999999', '%00', "1'--"]) {
      t.match(await self.get(`/users/${id}`), { status: 400, body: { errors: [{ field: 'params.id' }] } }, id)
    }
    for (const email of ['nobody', '%00@example.org', 'a@b', '%ED%A0%80@example.org']) {
      t.match(await self.get(`/users/by-email/${email}`), { status: 400 }, email)
    }
    t.match(await self.call('PATCH', `/users/${ada.id}`, {}), { status: 400 })
    t.match(await self.call('PATCH', `/users/${ada.id}`, { name: 'x', version: 0 }), { status: 400 })
    t.match(await anonymous.post('/users', '{"email":'), { status: 400 })
    t.match(await anonymous.post('/users', { ...good, name: 'x'.repeat(70_000) }), { status: 413 })
    t.match(
      await anonymous.post('/users', { ...good, password: '👩‍💻'.repeat(25) }),
      { status: 201 },
      'any script',
    )
  })

  await t.test('A2 statistics of the cache, and clearing it, are for admins', async (t) => {
    const ada = await register(url)
    // The one from before was logged out when he lost the role, and got it back.
    const [self, admin] = [await withToken(url, ada), await withToken(url, ADMIN)]
    t.match(await admin.get('/cache/stats'), { status: 200 })
    t.match(await self.get('/cache/stats'), { status: 403 })
    t.match(await anonymous.get('/cache/stats'), { status: 401 })
    const clear = '/cache/clear?pattern=users:v1:*'
    t.match(await self.call('DELETE', clear), { status: 403 })
    t.match(await anonymous.call('DELETE', clear), { status: 401 })
    await admin.get(`/users/${ada.id}`)
    t.match(await admin.call('DELETE', clear), { status: 200 })
    t.match(await admin.get(`/users/${ada.id}`), { headers: { 'cache-status': /fwd=miss/ } })
  })
})
