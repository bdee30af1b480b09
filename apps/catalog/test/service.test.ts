import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from '@lockstep/servers'
import { type Teardown, testPostgres, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'

const prepare = fileURLToPath(new URL('../src/prepare.ts', import.meta.url))

/** From L1; or from L2, after this process stood still for so long that it may not trust its own memory. */
const CACHED = /^lockstep-l[12]; hit/

/** For tests that are not about patience, on a machine that may be busy. */
const patience = {
  REDIS_COMMAND_TIMEOUT: '10s',
  DATABASE_CONNECT_TIMEOUT: '30s',
  DATABASE_QUERY_TIMEOUT: '30s',
}

async function open(t: Teardown, env: Record<string, string>) {
  const app = createApp(readConfig({ SERVICE_ID: 'catalog-test', LOG_LEVEL: 'silent', ...patience, ...env }))
  t.teardown(() => app.close())
  await app.ready()
  const call = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) => {
    const reply = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      from: String(reply.headers['cache-status'] ?? ''),
      body: reply.body === '' ? undefined : reply.json(),
    }
  }
  return { app, call }
}

await test('the catalogue on a real Redis and a real Postgres', async (t) => {
  const [postgres, redis] = await Promise.all([testPostgres(t), testRedis(t)])
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
  const prepared = spawnSync(process.execPath, [prepare], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  t.equal(prepared.status, 0, prepared.stderr)
  const { app, call } = await open(t, env)
  const healthy = async () => (await call('GET', '/health')).body.status === 'healthy'
  await until('it is healthy', healthy)
  const book = {
    title: 'Ficciones',
    authors: ['Jorge Luis Borges'],
    isbn13: '9780802130303',
    language: 'spa',
  }

  await t.test('A3 a book by its id: from the source, then from L1 (K13 cache-aside)', async (t) => {
    const first = await call('GET', '/books/1')
    t.match(first, {
      status: 200,
      from: 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss; stored',
      body: { id: 1, version: 1 },
    })
    t.equal(first.headers['x-served-by'], 'catalog-test')
    await until('it is in L1', async () =>
      /^lockstep-l1; hit; ttl=\d+$/.test((await call('GET', '/books/1')).from),
    )
  })

  await t.test('A3 create, read, change and delete a book; its ISBN follows', async (t) => {
    t.match(await call('GET', '/books/isbn/9780802130303'), { status: 404 }, 'absent, and cached as absent')
    const created = await call('POST', '/books', book)
    t.match(created, { status: 201, body: { ...book, version: 1, isbn10: null, year: null } })
    const url = `/books/${created.body.id}`
    t.equal(created.headers.location, url)
    t.match(await call('GET', '/books/isbn/978-0-8021-3030-3'), {
      status: 200,
      body: { id: created.body.id },
    })
    t.match(
      await call('GET', '/books/isbn/0802130305'),
      { status: 200, body: { id: created.body.id } },
      'as ISBN-10',
    )

    const changed = await call('PATCH', url, { version: 1, isbn13: '9780811200127', year: 1944 })
    t.match(changed, { status: 200, body: { version: 2, title: 'Ficciones', year: 1944 } })
    t.match(await call('GET', url), { body: { version: 2 } })
    t.equal((await call('GET', '/books/isbn/9780802130303')).status, 404, 'the old ISBN is forgotten')
    t.match(await call('GET', '/books/isbn/9780811200127'), { status: 200, body: { version: 2 } })
    t.match(
      await call('PATCH', url, { version: 2, year: null }),
      { body: { year: null, version: 3 } },
      'null clears',
    )

    t.equal((await call('DELETE', url)).status, 204)
    t.equal((await call('GET', url)).status, 404)
    t.equal((await call('GET', '/books/isbn/9780811200127')).status, 404)
    t.equal((await call('DELETE', url)).status, 404)
  })

  await t.test('K13 absence is cached briefly, and a creation ends it', async (t) => {
    const { body } = await call('POST', '/books', { title: 'x', authors: ['y'] })
    const next = `/books/${body.id + 1}`
    t.match(await call('GET', next), { status: 404, body: { code: 'BOOK_NOT_FOUND' } })
    const created = await call('POST', '/books', { title: 'z', authors: ['y'] })
    t.equal(created.headers.location, next)
    t.equal((await call('GET', next)).status, 200)
  })

  await t.test('a change made against another version is refused, with the current one', async (t) => {
    t.equal((await call('PATCH', '/books/2', { version: 1, title: 'First' })).status, 200)
    t.match(await call('PATCH', '/books/2', { version: 1, title: 'Second' }), {
      status: 409,
      body: { code: 'VERSION_CONFLICT', detail: /at version 2, not 1/ },
    })
    t.match(await call('DELETE', '/books/2?version=1'), { status: 409 })
    const racers = Array.from({ length: 10 }, (_, n) =>
      call('PATCH', '/books/2', { version: 2, title: `Racer ${n}` }),
    )
    const statuses = (await Promise.all(racers)).map(({ status }) => status)
    t.same(
      statuses.toSorted((a, b) => a - b),
      [200, ...Array.from({ length: 9 }, () => 409)],
      'one of ten racers wins',
    )
  })

  await t.test('an ISBN belongs to one book', async (t) => {
    const isbn10 = '0306406152'
    t.equal((await call('POST', '/books', { title: 'a', authors: ['b'], isbn10 })).status, 201)
    t.match(await call('POST', '/books', { title: 'c', authors: ['d'], isbn10 }), {
      status: 409,
      body: { code: 'ISBN_TAKEN', errors: [{ field: 'body.isbn10' }] },
    })
  })

  await t.test(
    'A3 lists: paging and its bounds, search, author, language; cached, and dropped by a write',
    async (t) => {
      const page = (await call('GET', '/books?skip=10&limit=5')).body
      t.match(page, { skip: 10, limit: 5, total: Number })
      t.same(
        page.items.map(({ id }: { id: number }) => id),
        [11, 12, 13, 14, 15],
      )
      const found = {
        title: 'Cien años de soledad 100%',
        authors: ['Gabriel García Márquez', 'A_B'],
        language: 'qaa',
      }
      const { body } = await call('POST', '/books', found)
      for (const query of [
        'q=CIEN%20ANOS',
        'q=a%C3%B1os',
        'q=garcia%20mar',
        'q=100%25',
        'q=a_b',
        'language=qaa',
        'author=A_B',
      ]) {
        t.match((await call('GET', `/books?${query}`)).body, { total: 1, items: [{ id: body.id }] }, query)
      }
      t.equal((await call('GET', '/books?q=a%25b')).body.total, 0, 'a percent sign is just that')
      t.match((await call('GET', '/authors/Gabriel%20Garc%C3%ADa%20M%C3%A1rquez/books')).body, { total: 1 })
      t.match((await call('GET', '/books?skip=1000000')).body, { items: [] })

      t.match(await call('GET', '/books?language=qaa'), { from: CACHED })
      await call('DELETE', `/books/${body.id}`)
      t.match(await call('GET', '/books?language=qaa'), { from: /fwd=miss/, body: { total: 0 } })
    },
  )

  await t.test(
    'a page of an author stays when the book of another changes, and goes with his own',
    async (t) => {
      const mine = await call('POST', '/books', { title: 'Mine', authors: ['Ana Uno', 'Eva Dos'] })
      const other = await call('POST', '/books', { title: 'Other', authors: ['Ida Tres'] })
      const pages = ['/authors/Ana%20Uno/books', '/authors/Eva%20Dos/books', '/books?author=Eva%20Dos']
      const look = () => Promise.all(pages.map((url) => call('GET', url)))
      await look()
      await call('PATCH', `/books/${other.body.id}`, { version: 1, title: 'Changed' })
      for (const { from } of await look()) t.match(from, CACHED)
      await call('PATCH', `/books/${mine.body.id}`, { version: 1, authors: ['Eva Dos'] })
      t.same(
        (await look()).map(({ body }) => body.total),
        [0, 1, 1],
      )
    },
  )

  await t.test('304 for a book and a page that the client has, until they change', async (t) => {
    const { body } = await call('POST', '/books', {
      title: 'Tagged',
      authors: ['y'],
      isbn13: '9780140449136',
    })
    for (const url of [`/books/${body.id}`, '/books/isbn/9780140449136', '/books?q=tagged']) {
      const { headers } = await call('GET', url)
      const condition = { 'if-none-match': String(headers.etag) }
      const known = await call('GET', url, undefined, condition)
      t.match(known, { status: 304, body: undefined, from: CACHED, headers: { etag: headers.etag } }, url)
      const { version } = (await call('GET', `/books/${body.id}`)).body
      await call('PATCH', `/books/${body.id}`, { version, year: 1900 + version })
      t.equal((await call('GET', url, undefined, condition)).status, 200, url)
    }
  })

  await t.test(
    'K13 write-through: another replica reads the changed book from Redis, and never an older one',
    async (t) => {
      const replica = await open(t, env)
      await until(
        'it is healthy',
        async () => (await replica.call('GET', '/health')).body.status === 'healthy',
      )
      const inL1 = async () => (await replica.call('GET', '/books/7')).from.startsWith('lockstep-l1; hit')
      await until('the book is in its memory', inL1)
      await until('the page is, too', async () =>
        (await replica.call('GET', '/books?limit=7')).from.includes('l1; hit'),
      )
      const { version } = (await call('GET', '/books/7')).body
      const changed = await call('PATCH', '/books/7', { version, title: 'Through' })
      t.equal(changed.status, 200)
      const after = { 'lockstep-write': String(changed.headers['lockstep-write']) }
      t.match(await replica.call('GET', '/books/7', undefined, after), {
        body: { title: 'Through' },
        from: /^lockstep-l2; hit/,
      })
      const page = await replica.call('GET', '/books?limit=7', undefined, after)
      t.equal(page.body.items[6].title, 'Through')
      t.match(await replica.call('GET', '/books/7', undefined, { 'lockstep-write': 'x' }), {
        status: 400,
        body: { code: 'WRITE_TOKEN_INVALID' },
      })
    },
  )

  await t.test('A2 the admin routes are for admins', async (t) => {
    t.match(await call('GET', '/cache/stats'), { status: 401, body: { code: 'CALLER_REQUIRED' } })
  })

  await t.test('what is wrong with a request is said, with the field', async (t) => {
    const wrong: [string, string][] = [
      ['/books/0', 'params.id'],
      ['/books/abc', 'params.id'],
      ['/books/1.5', 'params.id'],
      ['/books/99999999999999999999', 'params.id'],
      ['/books?limit=101', 'query.limit'],
      ['/books?limit=0', 'query.limit'],
      ['/books?skip=-1', 'query.skip'],
      ['/books?q=', 'query.q'],
      ['/books?q=%00', 'query.q'],
      ['/books/isbn/123', 'params.isbn'],
    ]
    for (const [url, field] of wrong) {
      t.match(
        await call('GET', url),
        { status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } },
        url,
      )
    }
    const bodies: [object, string][] = [
      [{ title: 'x' }, 'body.authors'],
      [{ ...book, title: '' }, 'body.title'],
      [{ ...book, title: 'a\u0000b' }, 'body.title'],
      [{ ...book, title: '\ud800' }, 'body.title'],
      [{ ...book, title: 'x'.repeat(501) }, 'body.title'],
      [{ ...book, authors: [] }, 'body.authors'],
      [{ ...book, isbn13: '9780802130304' }, 'body.isbn13'],
      [{ ...book, year: 1.5 }, 'body.year'],
      [{ ...book, rating: 5.5 }, 'body.rating'],
      [{ ...book, rating: 4.345 }, 'body.rating'],
      [{ ...book, id: 7 }, 'body.id'],
    ]
    for (const [body, field] of bodies) {
      t.match(
        await call('POST', '/books', body),
        { status: 400, body: { errors: [{ field }] } },
        JSON.stringify(body),
      )
    }
    t.match(await call('PATCH', '/books/1', { title: 'x' }), {
      status: 400,
      body: { errors: [{ field: 'body.version' }] },
    })
  })

  await t.test('numbers with two decimals come through as they are', async (t) => {
    for (const rating of [4.34, 3.57, 0.07, 5]) {
      const { status, body } = await call('POST', '/books', { title: 'x', authors: ['y'], rating })
      t.match({ status, rating: body.rating }, { status: 201, rating })
      t.match(await call('GET', `/books/${body.id}`), { body: { rating } })
    }
  })

  await t.test('the OpenAPI document has every route, with its answers', async (t) => {
    const { body } = await call('GET', '/docs/json')
    t.match(body, { openapi: /^3\.1/ })
    t.hasProps(body.paths, [
      '/books',
      '/books/{id}',
      '/books/isbn/{isbn}',
      '/authors/{author}/books',
      '/health',
    ])
    t.match(Object.keys(body.paths['/books/{id}'].patch.responses).toSorted(), [
      '200',
      '400',
      '404',
      '409',
      '503',
    ])
    t.ok(body.paths['/books/{id}'].get.responses['404'].content['application/problem+json'])
  })

  await t.test(
    'C3 Postgres away: what is cached is served, the rest is 503, and writes are refused',
    async (t) => {
      await call('GET', '/books/20')
      await postgres.stop()
      t.match(await call('GET', '/books/20'), { status: 200, from: CACHED })
      const away = { status: 503, body: { code: 'DATABASE_UNAVAILABLE' }, headers: { 'retry-after': '2' } }
      t.match(await call('GET', '/books/999'), away)
      t.match(await call('GET', '/books?q=never'), away)
      t.match(await call('POST', '/books', book), away)
      t.match(await call('GET', '/health'), { status: 503, body: { status: 'unhealthy' } })
      t.equal((await call('GET', '/readyz')).status, 200, 'what is cached is still worth asking for')
      t.notMatch(JSON.stringify(await call('GET', '/books/999')), /\bat \/|node_modules|127\.0\.0\.1/)
    },
  )
  t.ok(app)
})

await test('C3 it starts without Redis and without Postgres, answers health, and says 503 for data', async (t) => {
  const nobody = await freePort()
  const { call } = await open(t, {
    DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${nobody}/db`,
    REDIS_URL: `redis://:hunter2@127.0.0.1:${nobody}`,
  })
  t.equal((await call('GET', '/livez')).status, 200)
  t.equal((await call('GET', '/readyz')).status, 200)
  const health = await call('GET', '/health')
  t.match(health, { status: 503, body: { status: 'unhealthy' } })
  t.match(
    health.body.checks.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`),
    ['postgres unhealthy', 'redis degraded', 'bus degraded'],
  )
  t.match(await call('GET', '/books/1'), { status: 503, body: { code: 'DATABASE_UNAVAILABLE' } })
  t.notMatch(JSON.stringify(health), /hunter2/)
})

await test('C2 settings that cannot be used are named, all at once', async (t) => {
  t.throws(() => readConfig({ PORT: 'x', CACHE_TTL_BOOKS: '5 parsecs' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
    message:
      /DATABASE_URL is not set[\s\S]*PORT must be integer|PORT must be integer[\s\S]*DATABASE_URL is not set/,
  })
})
