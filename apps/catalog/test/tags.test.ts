import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { startCatalog } from './fixtures/catalog.ts'
import { type CatalogReplica, openReplica } from './fixtures/replica.ts'

const path = (id: number, tag: string) => `/books/${id}/tags/${encodeURIComponent(tag)}`

await test('the tags of books on a real Redis and a real Postgres', async (t) => {
  const [catalog, redis] = await Promise.all([startCatalog(t), testRedis(t)])
  const env = { DATABASE_URL: catalog.url, REDIS_URL: redis.url, DATABASE_CONNECT_TIMEOUT: '20s' }
  const [a, b] = await Promise.all([openReplica(t, env), openReplica(t, env)])
  await Promise.all([a.is('healthy'), b.is('healthy')])
  const link = openRedis(readSettings(RedisSettings, { REDIS_URL: redis.url }), 'look', recordingLogger())
  t.teardown(() => link.close())
  await until('it is connected', () => link.available)

  const newBook = async (tags: string[] = []): Promise<number> => {
    const { body } = await a.call('POST', '/books', { payload: { title: 'x', authors: ['y'] } })
    for (const tag of tags) await a.call('PUT', path(body.id, tag))
    return body.id
  }
  /** The sets of a book's tags in Redis. */
  const sets = async (id: number) => {
    const keys: string[] = []
    for await (const page of link.scan(`shop:{0}:set:book-tags:${id}:*`)) keys.push(...page)
    return keys.toSorted()
  }
  const commands = async () => {
    const [text = ''] = await link.info('commandstats')
    return (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0)
  }

  await t.test('D3 add, has, all, count, common, remove', async (t) => {
    const [one, two] = [await newBook(), await newBook(['noir', 'classic', 'spain'])]
    t.match(await a.get(`/books/${one}/tags`), { status: 200, body: { bookId: one, tags: [] } })
    t.match(await a.get(`/books/${one}/tag-count`), { body: { count: 0 } })
    t.match(await a.get(`/books/${one}/common-tags/${two}`), { body: { tags: [] } })
    t.match(await a.call('PUT', path(one, ' Noir')), { status: 201, body: { bookId: one, tags: ['noir'] } })
    t.match(await a.call('PUT', path(one, 'noir')), { status: 200, body: { tags: ['noir'] } })
    t.match(await a.call('PUT', path(one, 'magic realism')), { body: { tags: ['magic realism', 'noir'] } })
    t.match(await a.call('PUT', path(one, 'spain')), { status: 201 })
    t.match((await a.get(`/books/${one}/tags`)).body.tags, ['magic realism', 'noir', 'spain'])
    t.match(await a.get(path(one, 'NOIR')), { status: 200, body: { tag: 'noir', has: true } })
    t.match(await a.get(path(one, 'classic')), { body: { has: false } })
    t.match(await a.get(`/books/${one}/tag-count`), { body: { count: 3 } })
    t.match(await a.get(`/books/${one}/common-tags/${two}`), { body: { tags: ['noir', 'spain'] } })
    t.match(await a.get(`/books/${one}/common-tags/${one}`), {
      body: { tags: ['magic realism', 'noir', 'spain'] },
    })
    t.equal((await a.call('DELETE', path(one, 'Noir'))).status, 204)
    t.match(await a.call('DELETE', path(one, 'noir')), { status: 404, body: { code: 'TAG_NOT_FOUND' } })
    t.match(await a.get(path(one, 'noir')), { body: { has: false } })
    t.match(await a.get(`/books/${one}/common-tags/${two}`), { body: { tags: ['spain'] } })
  })

  await t.test('D3 answers come from the set in Redis: SISMEMBER, SCARD, SINTER', async (t) => {
    const [one, two] = [await newBook(['red', 'blue']), await newBook(['blue'])]
    await Promise.all([a.get(`/books/${one}/tags`), a.get(`/books/${two}/tags`)])
    await until(
      'the sets are there',
      async () => (await sets(one)).length === 1 && (await sets(two)).length === 1,
    )
    const [key = ''] = await sets(one)
    t.ok((await link.run((redis) => redis.pttl(key))) > 0, 'K2 with a lifetime')
    const before = await commands()
    await catalog.db
      .updateTable('book_tags')
      .set({ tag: 'green' })
      .where('book_id', '=', one)
      .where('tag', '=', 'red')
      .execute()
    t.match((await a.get(`/books/${one}/tags`)).body, { tags: ['blue', 'red'] }, 'and not from Postgres')
    t.match((await a.get(path(one, 'red'))).body, { has: true })
    t.match((await a.get(path(one, 'green'))).body, { has: false })
    t.match((await a.get(path(one, 'ALL-TAGS'))).body, { has: false }, 'the mark is no tag')
    t.match((await a.get(`/books/${one}/tag-count`)).body, { count: 2 })
    t.match((await a.get(`/books/${one}/common-tags/${two}`)).body, { tags: ['blue'] })
    const after = await commands()
    for (const command of ['sismember', 'scard', 'sinter']) t.ok(after(command) > before(command), command)
    await link.run((redis) => redis.del(key))
    t.match((await a.get(path(one, 'green'))).body, { has: true }, 'Redis has lost the set: Postgres answers')
    await until('and it is made anew', async () => (await sets(one)).length === 1)
  })

  await t.test('what is wrong is said', async (t) => {
    const id = await newBook()
    const none = id + 1000
    for (const url of [
      `/books/${none}/tags`,
      path(none, 'x'),
      `/books/${none}/tag-count`,
      `/books/${id}/common-tags/${none}`,
    ]) {
      t.match(await a.get(url), { status: 404, body: { code: 'BOOK_NOT_FOUND' } }, url)
    }
    t.match(await a.call('PUT', path(none, 'x')), { status: 404, body: { code: 'BOOK_NOT_FOUND' } })
    t.match(await a.call('DELETE', path(none, 'x')), { status: 404, body: { code: 'BOOK_NOT_FOUND' } })
    for (const wrong of ['%20', '%00', 'a%0Ab', 'x'.repeat(41), '%E2%80%AE']) {
      for (const [method, url] of [
        ['PUT', `/books/${id}/tags/${wrong}`],
        ['DELETE', `/books/${id}/tags/${wrong}`],
        ['GET', `/books/${id}/tags/${wrong}`],
        ['GET', `/tags/${wrong}/books`],
      ] as const) {
        t.match(
          await a.call(method, url),
          { status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field: 'params.tag' }] } },
          `${method} ${url}`,
        )
      }
    }
  })

  await t.test('a book has 50 tags at most, also when many are given at once', async (t) => {
    const id = await newBook()
    const given = Array.from({ length: 60 }, (_, n) => (n % 2 ? a : b).call('PUT', path(id, `tag ${n}`)))
    const statuses = (await Promise.all(given)).map(({ status }) => status)
    t.equal(statuses.filter((status) => status === 201).length, 50)
    t.equal(statuses.filter((status) => status === 409).length, 10)
    t.match((await a.call('PUT', path(id, 'one more'))).body, { code: 'TOO_MANY_TAGS' })
    t.match(await a.get(`/books/${id}/tag-count`), { body: { count: 50 } })
  })

  await t.test('304 until the tags change', async (t) => {
    const id = await newBook(['a'])
    const { headers } = await a.get(`/books/${id}/tags`)
    const condition = { 'if-none-match': String(headers.etag) }
    t.match(await a.get(`/books/${id}/tags`, condition), { status: 304, headers: { etag: headers.etag } })
    await a.call('PATCH', `/books/${id}`, { payload: { version: 1, title: 'z' } })
    t.equal(
      (await a.get(`/books/${id}/tags`, condition)).status,
      304,
      'a change of the book is none of its tags',
    )
    await a.call('PUT', path(id, 'b'))
    t.match(await a.get(`/books/${id}/tags`, condition), { status: 200, body: { tags: ['a', 'b'] } })
  })

  await t.test('A3 K13 the books with a tag: cached, and dropped by what changes them', async (t) => {
    const [one, two] = [await newBook(['listed']), await newBook()]
    const list = async () => {
      const { status, body, from } = await a.get('/tags/Listed/books')
      t.equal(status, 200)
      return { ids: body.items.map(({ id }: { id: number }) => id), total: body.total, from, body }
    }
    const warm = () =>
      until('the list is cached', async () => (await list()).from.startsWith('lockstep-l1; hit'))
    t.match(await list(), { ids: [one], total: 1 })
    await warm()
    await a.call('PUT', path(two, 'unlisted'))
    t.match((await list()).from, /^lockstep-l1; hit/, 'another tag leaves it alone')
    await a.call('PUT', path(two, 'listed'))
    t.match(await list(), { ids: [one, two], total: 2 })
    await warm()
    await a.call('PATCH', `/books/${one}`, { payload: { version: 1, title: 'Renamed' } })
    t.match((await list()).body.items[0], { title: 'Renamed' })
    await warm()
    await a.call('DELETE', path(two, 'listed'))
    t.match(await list(), { ids: [one] })
    await warm()
    t.equal((await a.call('DELETE', `/books/${one}`)).status, 204)
    t.match(await list(), { ids: [], total: 0 })
    t.match(await a.get(`/books/${one}/tags`), { status: 404 }, 'the tags went with the book')
    t.match((await a.get('/tags/unlisted/books?limit=1&skip=1')).body, {
      items: [],
      total: 1,
      skip: 1,
      limit: 1,
    })
    t.equal((await a.get('/tags/unlisted/books?limit=101')).status, 400)
  })

  await t.test('a write on one replica is seen on the other, with its token at once', async (t) => {
    const id = await newBook(['first'])
    await until('b has it in memory', async () =>
      (await b.get(`/books/${id}/tags`)).from.startsWith('lockstep-l1; hit'),
    )
    const { headers } = await a.call('PUT', path(id, 'second'))
    const after = { 'lockstep-write': String(headers['lockstep-write']) }
    t.match((await b.get(`/books/${id}/tags`, after)).body, { tags: ['first', 'second'] })
    await a.call('DELETE', path(id, 'first'))
    await until('and soon without', async () => (await b.get(path(id, 'first'))).body.has === false)
  })

  await t.test('D3 no answer mixes two states, while tags come and go and Redis forgets', async (t) => {
    // Both tags of a pair are there or neither; whoever sees one alone has seen a mixture of revisions.
    const id = await newBook(['pair-0-a'])
    const other = await newBook(['constant'])
    let done = false
    const wrong: unknown[] = []
    const read = async (replica: CatalogReplica) => {
      while (!done) {
        const [{ body: all }, { body: count }, { body: common }] = await Promise.all([
          replica.get(`/books/${id}/tags`),
          replica.get(`/books/${id}/tag-count`),
          replica.get(`/books/${id}/common-tags/${id}`),
        ])
        // A set of n tags is always pair-0-a … in order: what is written below makes no others.
        for (const tags of [all.tags, common.tags]) {
          const expected = tags.map((_: string, n: number) => `pair-${n}-a`)
          if (tags.length > 8 || JSON.stringify(tags) !== JSON.stringify(expected)) wrong.push(tags)
        }
        if (count.count < 1 || count.count > 8) wrong.push(count)
        const constant = (await replica.get(`/books/${other}/tags`)).body.tags
        if (constant.length !== 1) wrong.push(constant)
      }
    }
    const readers = [read(a), read(b)]
    for (let round = 0; round < 4; round++) {
      for (let n = 1; n < 8; n++) await (n % 2 ? a : b).call('PUT', path(id, `pair-${n}-a`))
      for (const key of [...(await sets(id)), ...(await sets(other))])
        await link.run((redis) => redis.del(key))
      for (let n = 7; n > 0; n--) await (n % 2 ? a : b).call('DELETE', path(id, `pair-${n}-a`))
    }
    done = true
    await Promise.all(readers)
    t.same(wrong, [])
    for (const replica of [a, b]) {
      await until(
        'both agree with Postgres',
        async () => (await replica.get(`/books/${id}/tag-count`)).body.count === 1,
      )
    }
  })

  await t.test(
    'C3 K6 Redis away: Postgres answers everything, writes go on; Postgres away: what is cached',
    async (t) => {
      const [one, two] = [await newBook(['stays', 'shared']), await newBook(['shared'])]
      const look = async (replica: CatalogReplica) => ({
        tags: (await replica.get(`/books/${one}/tags`)).body.tags,
        has: (await replica.get(path(one, 'stays'))).body.has,
        count: (await replica.get(`/books/${one}/tag-count`)).body.count,
        common: (await replica.get(`/books/${one}/common-tags/${two}`)).body.tags,
        books: (await replica.get('/tags/shared/books')).body.total,
      })
      const expected = { tags: ['shared', 'stays'], has: true, count: 2, common: ['shared'], books: 2 }
      t.same(await look(a), expected)
      await redis.kill()
      for (const replica of [a, b]) {
        await replica.is('degraded')
        t.same(await look(replica), expected)
      }
      t.equal((await a.call('PUT', path(one, 'added without Redis'))).status, 201)
      t.match((await a.get(`/books/${one}/tag-count`)).body, { count: 3 }, 'who wrote it sees it')
      await testRedis(t, redis.port)
      for (const replica of [a, b]) {
        await replica.is('healthy')
        await until(
          'both see the write',
          async () => (await replica.get(`/books/${one}/tag-count`)).body.count === 3,
        )
      }
      await look(a)
      await look(b)
      await catalog.kill()
      await a.is('unhealthy')
      t.match(await a.get(path(one, 'stays')), { status: 200, body: { has: true } })
      t.match(await a.get(`/books/${one}/tags`), { status: 200 })
      t.match(await a.call('PUT', path(one, 'refused')), {
        status: 503,
        body: { code: 'DATABASE_UNAVAILABLE' },
      })
      t.match(await a.get(`/books/${two + 5}/tags`), { status: 503, headers: { 'retry-after': '2' } })
    },
  )
})
