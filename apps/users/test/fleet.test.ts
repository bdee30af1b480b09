import { until } from '@lockstep/testing'
import { test } from 'tap'
import { userRepository } from '../src/accounts/repository.ts'
import {
  ADMIN,
  Client,
  cheapPasswords,
  openShop,
  PASSWORD,
  register,
  withSession,
  withToken,
} from './fixtures/shop.ts'

await test('A1 three replicas are one service', async (t) => {
  const shop = await openShop(t)
  const replicas = await Promise.all([shop.replica(), shop.replica(), shop.guest()])
  const [one, two, three] = replicas
  const admin = await withToken(one.url, ADMIN)
  const everywhere = replicas.map(({ url }) => url)
  for (const url of everywhere) {
    await until(
      'it is healthy',
      async () => (await new Client(url).get('/health')).body.status === 'healthy',
      60_000,
    )
  }

  const from = async (client: Client, path: string) => (await client.get(path)).headers['cache-status'] ?? ''

  /** The entry lies in the memory of each. */
  const warm = (client: Client, path: string) =>
    Promise.all(
      everywhere.map((url) =>
        until(
          `${path} is in memory`,
          async () => (await from(client.at(url), path)).startsWith('lockstep-l1; hit'),
          60_000,
        ),
      ),
    )

  await t.test(
    'A1 K13 update through one, read from the others: id, email and list, never older',
    async (t) => {
      const ada = await register(one.url)
      const paths = [`/users/${ada.id}`, `/users/by-email/${ada.email}`, '/users?limit=1000']
      for (const [n, writer] of everywhere.entries()) {
        for (const path of paths) await warm(admin, path)
        const name = `Ada of ${n}`
        const { headers, body } = await admin.at(writer).call('PATCH', `/users/${ada.id}`, { name })
        t.equal(body.name, name)
        const after = { 'lockstep-write': String(headers['lockstep-write']) }
        for (const url of everywhere) {
          for (const path of paths) {
            const answer = await admin.at(url).get(path, after)
            const { items = [answer.body] } = answer.body
            t.match(
              items.find(({ id }: { id: number }) => id === ada.id),
              { name },
              path,
            )
          }
        }
        // Without the header the others hear of it a moment later.
        for (const url of everywhere) {
          await until(
            'it is heard of',
            async () => (await admin.at(url).get(`/users/${ada.id}`)).body.name === name,
            60_000,
          )
        }
      }
    },
  )

  await t.test('A1 delete through one: gone in the others, and its address free', async (t) => {
    const ada = await register(two.url)
    const paths = [`/users/${ada.id}`, `/users/by-email/${ada.email}`]
    for (const path of paths) await warm(admin, path)
    const { status, headers } = await admin.at(three.url).call('DELETE', `/users/${ada.id}`)
    t.equal(status, 204)
    const after = { 'lockstep-write': String(headers['lockstep-write']) }
    for (const url of everywhere) {
      for (const path of paths) t.match(await admin.at(url).get(path, after), { status: 404 })
    }
    t.not((await register(one.url, ada.email)).id, ada.id)
  })

  await t.test('A1 many who move to one address at once: one has it, everywhere', async (t) => {
    const movers = await Promise.all(Array.from({ length: 6 }, () => register(one.url)))
    const wanted = 'wanted@example.org'
    t.match(await admin.get(`/users/by-email/${wanted}`), { status: 404 }, 'absent, and cached as absent')
    const answers = await Promise.all(
      movers.map(({ id }, n) =>
        admin.at(everywhere[n % 3] ?? one.url).call('PATCH', `/users/${id}`, { email: wanted }),
      ),
    )
    const won = answers.filter(({ status }) => status === 200)
    t.equal(won.length, 1)
    const after = { 'lockstep-write': String(won[0]?.headers['lockstep-write']) }
    for (const url of everywhere) {
      t.match(await admin.at(url).get(`/users/by-email/${wanted}`, after), { body: { id: won[0]?.body.id } })
      for (const { id, email } of movers) {
        const status = id === won[0]?.body.id ? 404 : 200
        t.match(await admin.at(url).get(`/users/by-email/${email}`, after), { status })
      }
    }
  })

  await t.test(
    'S1 log-out everywhere, another password, other roles, deletion: at once in all replicas',
    async (t) => {
      const path = (id: number) => `/users/${id}`
      const acts: Record<string, (id: number, self: Client) => Promise<{ status: number }>> = {
        'log-out everywhere': (_id, self) => self.at(two.url).post('/auth/logout-everywhere'),
        'another password': (id, self) =>
          self
            .at(three.url)
            .call('PATCH', path(id), { password: 'another-password', currentPassword: PASSWORD }),
        'other roles': (id) => admin.at(two.url).call('PUT', `${path(id)}/roles`, { roles: ['admin'] }),
        deletion: (id) => admin.call('DELETE', path(id)),
      }
      for (const [what, act] of Object.entries(acts)) {
        const ada = await register(one.url)
        const clients = [
          await withToken(one.url, ada),
          await withToken(three.url, ada),
          await withSession(two.url, ada),
          await withSession(three.url, ada),
        ]
        for (const url of everywhere) {
          for (const client of clients) t.match(await client.at(url).get('/profile'), { status: 200 })
        }
        const [self = new Client(one.url)] = clients
        t.ok((await act(ada.id, self)).status < 300, what)
        for (const url of everywhere) {
          for (const client of clients) t.match(await client.at(url).get('/profile'), { status: 401 }, what)
        }
      }
    },
  )

  await t.test('S1 a log-out is not forgotten when the replica dies right after the commit', async (t) => {
    const ada = await register(one.url)
    const [token, session] = [await withToken(one.url, ada), await withSession(two.url, ada)]
    // What a replica does up to its commit, and no further.
    const repository = userRepository(shop.database)
    const hash = await cheapPasswords().hash('a-password-of-the-night')
    const changed = await repository.change(ada.id, { password: { hash, replaces: undefined } })
    t.match(changed, { kind: 'done', logOut: Number })
    t.match(await token.get('/profile'), { status: 200 }, 'not yet')
    await shop.database.db
      .updateTable('user_log_outs')
      .set({ decided_at: new Date(Date.now() - 60_000) })
      .execute()
    await until('his token is over', async () => (await token.get('/profile')).status === 401, 60_000)
    t.match(await session.get('/profile'), { status: 401 })
    const owed = async () => (await shop.database.db.selectFrom('user_log_outs').selectAll().execute()).length
    await until('nothing is owed', async () => (await owed()) === 0, 60_000)
    const back = await withToken(one.url, { ...ada, password: 'a-password-of-the-night' })
    t.match(await back.get('/profile'), { status: 200 })
  })

  await t.test('A1 a replica that is killed in the middle of writes leaves nothing stale', async (t) => {
    const victim = await shop.replica()
    const ada = await register(one.url)
    for (let n = 0; n < 3; n++)
      await admin.at(victim.url).call('PATCH', `/users/${ada.id}`, { name: `N ${n}` })
    const writes = Array.from({ length: 20 }, (_, n) =>
      admin
        .at(victim.url)
        .call('PATCH', `/users/${ada.id}`, { name: `Last ${n}`, email: `last-${n}@example.org` })
        .catch(() => undefined),
    )
    await Promise.race(writes)
    await victim.kill()
    await Promise.all(writes)
    // Nobody fills an entry while the intent of a dead writer stands, so what is read is what the database holds.
    const [stored] = await userRepository(shop.database).byIds([ada.id])
    for (const url of [one.url, two.url, three.url]) {
      await until(
        'it is what is stored',
        async () => (await admin.at(url).get(`/users/${ada.id}`)).body.version === stored?.version,
        60_000,
      )
      t.match(await admin.at(url).get(`/users/by-email/${stored?.email}`), { body: { id: ada.id } })
    }
  })
})
