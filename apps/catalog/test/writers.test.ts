import { tokensOf } from '@lockstep/fastify'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { readConfig } from '../src/config.ts'
import { startCatalog } from './fixtures/catalog.ts'
import { openReplica } from './fixtures/replica.ts'

const TOKEN_KEY = 'a-key-of-more-than-thirty-two-characters'
const ADMIN_TOKEN = 'the-operator-of-this-test'

await test('A3 who may write to the catalogue is set; reading is open to all', async (t) => {
  const [catalog, redis] = await Promise.all([startCatalog(t), testRedis(t)])
  const env = { DATABASE_URL: catalog.url, REDIS_URL: redis.url, TOKEN_KEY, ADMIN_TOKEN }
  const tokens = tokensOf([TOKEN_KEY], 60_000)
  for (const [writers, statuses] of [
    ['anyone', { nobody: 201, user: 201, admin: 201, operator: 201 }],
    ['callers', { nobody: 401, user: 201, admin: 201, operator: 201 }],
    ['admins', { nobody: 401, user: 403, admin: 201, operator: 201 }],
  ] as const) {
    const { app, call, is } = await openReplica(t, { ...env, BOOK_WRITERS: writers })
    await is('healthy')
    const bearer = async (roles: string[]) => {
      const generation = await app.sessions.generation('17')
      const { token } = await tokens.issue({ user: '17', roles, generation })
      return { authorization: `Bearer ${token}` }
    }
    const callers = {
      nobody: {},
      user: await bearer([]),
      admin: await bearer(['admin']),
      operator: { authorization: `Bearer ${ADMIN_TOKEN}` },
    }
    const { body: book } = await call('POST', '/books', {
      payload: { title: 'x', authors: ['y'] },
      headers: callers.operator,
    })
    for (const who of ['nobody', 'user', 'admin', 'operator'] as const) {
      const headers: Record<string, string> = callers[who]
      const expected = statuses[who]
      const payload = { title: who, authors: ['y'] }
      t.equal(
        (await call('POST', '/books', { payload, headers })).status,
        expected,
        `${writers}: POST by ${who}`,
      )
      t.equal(
        (await call('PUT', `/books/${book.id}/tags/${who}`, { headers })).status,
        expected,
        `${writers}: PUT by ${who}`,
      )
      const refused = expected === 201 ? undefined : expected
      const patched = await call('PATCH', `/books/${book.id}`, {
        payload: { version: 999, title: 'z' },
        headers,
      })
      t.equal(patched.status, refused ?? 409, `${writers}: PATCH by ${who}`)
      const untagged = await call('DELETE', `/books/${book.id}/tags/${who}`, { headers })
      t.equal(untagged.status, refused ?? 204, `${writers}: DELETE of a tag by ${who}`)
      t.equal((await call('DELETE', `/books/${book.id}?version=999`, { headers })).status, refused ?? 409)
      t.equal((await call('GET', `/books/${book.id}`)).status, 200)
      t.equal((await call('GET', `/books/${book.id}/tags`)).status, 200)
    }
    await until('the document says so', async () => {
      const { body } = await call('GET', '/docs/json')
      return (body.paths['/books'].post.security === undefined) === (writers === 'anyone')
    })
  }
})

await test('C2 BOOK_WRITERS is one of three', async (t) => {
  t.throws(() => readConfig({ DATABASE_URL: 'postgres://x/y', BOOK_WRITERS: 'all' }), {
    message: /BOOK_WRITERS must be one of anyone, callers, admins/,
  })
})
