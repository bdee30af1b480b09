import { Readable } from 'node:stream'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import Type from 'typebox'
import { ProblemError } from '../../src/index.ts'
import { gate, openReplica } from './replica.ts'

const ttl = '1m'

await test('what is sent for a cached answer', async (t) => {
  const replica = openReplica(t, (await testRedis(t)).url)
  const { app, get, warm } = replica
  const runs = { count: 0 }
  const schema = {
    response: { 200: Type.Object({ n: Type.Integer() }) },
    querystring: Type.Object({ q: Type.Optional(Type.String()), page: Type.Integer({ default: 1 }) }),
  }
  app.get(
    '/things/:id',
    { schema, config: { cache: { ttl, cacheControl: 'public, max-age=5' } } },
    async () => ({
      n: ++runs.count,
      secret: 'not in the schema',
    }),
  )
  app.get('/sent', { config: { cache: { ttl } } }, (_request, reply) => {
    setImmediate(() => {
      runs.count++
      reply.header('x-own', 'kept').header('x-served-by', 'somebody').type('text/csv').send('a,b')
    })
  })
  app.get('/returned', { config: { cache: { ttl } } }, async (_request, reply) =>
    reply.send({ n: runs.count++ }),
  )
  app.get('/bytes', { config: { cache: { ttl } } }, async () => Buffer.from([0, 255, 1]))
  app.get('/own-etag', { config: { cache: { ttl } } }, async (_request, reply) =>
    reply.header('etag', 'W/"7"').send('x'),
  )
  app.get('/words', { config: { cache: { ttl, vary: ['Accept-Language'] } } }, async ({ headers }) => ({
    language: headers['accept-language'],
  }))
  app.get<{ Querystring: { of: string } }>(
    '/keyed',
    { config: { cache: { ttl, key: ({ headers }) => String(headers['x-key']) } } },
    async () => ({ n: ++runs.count }),
  )
  await app.ready()
  await replica.live()

  await t.test('the bytes of the first answer, by the schema of the route, with its ETag', async (t) => {
    const first = await get('/things/1')
    t.match(first, {
      status: 200,
      body: '{"n":1}',
      from: 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss; stored',
    })
    t.equal(first.headers['age'], undefined)
    const second = await get('/things/1')
    t.match(second, { body: '{"n":1}', from: /^lockstep-l1; hit; ttl=\d+$/ })
    t.match(second.headers, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'public, max-age=5',
      'content-length': '7',
      age: '0',
      etag: /^"[\w-]{27}"$/,
    })
    t.equal(first.headers['etag'], second.headers['etag'])
  })

  await t.test('questions that mean the same are one entry, others are not', async (t) => {
    const { body } = await warm('/things/2?q=a&page=1')
    t.equal((await get('/things/2?page=1&utm=x&q=a')).body, body, 'sorted, without what the schema drops')
    t.equal((await get('/things/2?q=a')).body, body, 'with defaults')
    t.not((await get('/things/2?q=b')).body, body)
    t.not((await get('/things/2?q=a&page=2')).body, body)
    t.not((await get('/things/2%2F?q=a')).body, body)
    t.equal((await get('/things/2?q=a&page=x')).status, 400, 'validation comes first')
    const long = `/things/2?q=${'a'.repeat(3000)}`
    t.not((await warm(long)).body, (await warm(`${long}b`)).body, 'also long ones')
  })

  await t.test('304 when the client has it (RFC 9110, 13.1.2)', async (t) => {
    const { headers } = await warm('/things/3')
    const etag = String(headers['etag'])
    for (const given of [etag, `W/${etag}`, '*', `"other", ${etag}`, `"a,b" , W/${etag}`]) {
      const answer = await get('/things/3', { 'if-none-match': given })
      t.match(answer, { status: 304, body: '', from: /^lockstep-l1; hit/, headers: { etag } }, given)
      t.equal(answer.headers['content-type'], undefined)
      t.equal(answer.headers['cache-control'], 'public, max-age=5')
    }
    t.equal((await get('/things/3', { 'if-none-match': '"other"' })).status, 200)
    t.equal(
      (await get('/own-etag', { 'if-none-match': '"7"' })).status,
      304,
      'at a miss, and by a tag of its own',
    )
  })

  await t.test('HEAD answers from the same entry, without a body', async (t) => {
    const { headers } = await warm('/things/3')
    const head = await get('/things/3', {}, 'HEAD')
    t.match(head, { status: 200, body: '', hit: true })
    t.match(head.headers, { etag: headers['etag'], 'content-length': headers['content-length'] })
  })

  await t.test('whatever way the handler answers', async (t) => {
    const csv = await warm('/sent')
    t.match(csv, {
      body: 'a,b',
      headers: { 'content-type': 'text/csv', 'x-own': 'kept', 'x-served-by': 'replica' },
    })
    t.match(await warm('/returned'), { body: /^{"n":\d+}$/ })
    await warm('/bytes')
    const bytes = await app.inject('/bytes')
    t.same(bytes.rawPayload, Buffer.from([0, 255, 1]))
    t.equal(bytes.headers['content-type'], 'application/octet-stream')
  })

  await t.test('vary: one entry for each value of the header', async (t) => {
    const english = { 'accept-language': 'en' }
    await warm('/words', english)
    t.match(await get('/words', { 'accept-language': 'es' }), { hit: false, body: '{"language":"es"}' })
    t.match(await get('/words', english), {
      hit: true,
      body: '{"language":"en"}',
      headers: { vary: 'accept-language' },
    })
  })

  await t.test('a key of its own', async (t) => {
    const { body } = await warm('/keyed?a=1', { 'x-key': 'one' })
    t.equal((await get('/keyed?a=2', { 'x-key': 'one' })).body, body)
    t.not((await get('/keyed?a=1', { 'x-key': 'two' })).body, body)
  })

  await t.test('another replica sends the same bytes from Redis', async (t) => {
    const other = openReplica(t, `redis://${replica.redis.endpoint}`)
    other.app.get('/bytes', { config: { cache: { ttl } } }, async () => 'never run')
    other.app.get(
      '/words',
      { config: { cache: { ttl, vary: ['accept-language'] } } },
      async () => 'never run',
    )
    await other.app.ready()
    await other.live()
    t.same((await other.app.inject('/bytes')).rawPayload, Buffer.from([0, 255, 1]))
    t.match(await other.get('/words', { 'accept-language': 'en' }), {
      body: '{"language":"en"}',
      from: /^lockstep-l2; hit; ttl=\d+, lockstep-l1; fwd=miss; stored$/,
      headers: { age: '0', 'content-type': 'application/json; charset=utf-8' },
    })
  })
})

await test('what is never cached', async (t) => {
  const replica = openReplica(t, (await testRedis(t)).url)
  const { app, get, warm } = replica
  const runs: Record<string, number> = {}
  const run = (name: string) => (runs[name] = (runs[name] ?? 0) + 1)
  const config = { cache: { ttl } } as const
  app.get('/cookie', { config }, async (_request, reply) =>
    reply.header('set-cookie', `n=${run('cookie')}`).send('mine'),
  )
  app.get('/no-store', { config }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(`${run('no-store')}`),
  )
  app.get('/private', { config }, async (_request, reply) =>
    reply.header('cache-control', 'max-age=5, private').send(`${run('private')}`),
  )
  app.get('/varies', { config }, async (_request, reply) =>
    reply.header('vary', 'cookie').send(`${run('varies')}`),
  )
  app.get('/created', { config }, async (_request, reply) => reply.code(201).send({ n: run('created') }))
  app.get('/stream', { config }, async () => {
    run('stream')
    return Readable.from(['str', 'eam'])
  })
  app.get('/thrown', { config }, async () => {
    run('thrown')
    throw new ProblemError({ status: 404, code: 'GONE', title: 'Gone' })
  })
  app.get('/sent-error', { config }, (_request, reply) => {
    run('sent-error')
    reply.code(418).send(new Error('teapot'))
  })
  app.get('/nothing', { config }, async (_request, reply) => {
    run('nothing')
    reply.callNotFound()
    return reply
  })
  app.get('/hijack', { config }, async (_request, reply) => reply.hijack())
  app.get('/me', { config }, async ({ headers }) => ({ me: headers.authorization ?? run('me') }))
  app.get('/mine', { config: { cache: { ttl, vary: ['authorization'] } } }, async ({ headers }) => ({
    me: headers.authorization,
  }))
  app.get('/ours', { config: { cache: { ttl, sharesAuthorized: true } } }, async () => ({ n: run('ours') }))
  await app.ready()
  await replica.live()

  for (const [url, status] of [
    ['/cookie', 200],
    ['/no-store', 200],
    ['/private', 200],
    ['/varies', 200],
    ['/created', 201],
    ['/stream', 200],
    ['/thrown', 404],
    ['/sent-error', 500],
    ['/nothing', 404],
  ] as const) {
    const answers = [await get(url), ...(await Promise.all([get(url), get(url)]))]
    t.same(
      answers.map((answer) => answer.status),
      [status, status, status],
      url,
    )
    t.ok(
      answers.every(({ from }) => !/stored|hit/.test(from)),
      `${url} is not cached`,
    )
    t.ok((runs[url.slice(1)] ?? 0) > 1, `${url} runs anew`)
  }
  t.same(runs['cookie'], 3, 'a cookie goes to whom it was made for')
  t.match(await get('/cookie'), { headers: { 'set-cookie': 'n=4' }, body: 'mine' })
  t.match(await get('/stream'), { body: 'stream' })
  t.match(await get('/thrown'), { body: /"code":"GONE"/ })
  t.match(await get('/nothing'), { body: /"code":"ROUTE_NOT_FOUND"/ })
  t.match(await get('/hijack'), { status: 500 })

  await t.test('for requests with Authorization, unless the route says how', async (t) => {
    const ana = { authorization: 'Bearer ana' }
    t.match(await get('/me', ana), { body: '{"me":"Bearer ana"}', from: /fwd=bypass; detail=authorization/ })
    const { body } = await warm('/me')
    t.match(await get('/me', ana), { body: '{"me":"Bearer ana"}' })
    t.equal((await get('/me')).body, body)
    await warm('/mine', ana)
    t.match(await get('/mine', { authorization: 'Bearer bo' }), { body: '{"me":"Bearer bo"}' })
    t.match(await get('/mine', ana), { hit: true, body: '{"me":"Bearer ana"}' })
    const keys = await replica.redis.run((redis) => redis.callBuffer('KEYS', '*'))
    t.notMatch(String(keys), /ana|Bearer/, 'no credential is in a key')
    const ours = await warm('/ours')
    t.equal((await get('/ours', ana)).body, ours.body)
  })
})

await test('an error goes to everyone who waits, as his own', async (t) => {
  const replica = openReplica(t, (await testRedis(t)).url)
  const { passed, open } = gate()
  const runs = { count: 0 }
  replica.app.get('/fails', { config: { cache: { ttl } } }, async () => {
    runs.count++
    await passed
    throw new ProblemError({ status: 503, code: 'AWAY', title: 'Away', retryAfter: 2 })
  })
  await replica.app.ready()
  await replica.live()
  const asked = Array.from({ length: 5 }, () => replica.get('/fails'))
  await until('the handler runs', () => runs.count > 0)
  open()
  const answers = await Promise.all(asked)
  t.equal(runs.count, 1)
  for (const { status, headers, body } of answers) {
    t.match({ status, body }, { status: 503, body: /"code":"AWAY"/ })
    t.equal(headers['retry-after'], '2')
  }
  t.equal(new Set(answers.map(({ body }) => JSON.parse(body).instance)).size, 5)
})

await test('stale while it is made anew: the client waits for nobody, and his reply is not touched', async (t) => {
  const replica = openReplica(t, (await testRedis(t)).url)
  const { get, app } = replica
  const runs = { count: 0, wait: Promise.resolve() }
  const cache = { ttl: '50ms', staleWhileRevalidate: '1m' } as const
  const schema = { response: { 200: Type.Object({ n: Type.Integer() }) } }
  app.get('/slow', { schema, config: { cache } }, async (_request, reply) => {
    const n = ++runs.count
    reply.header('x-run', String(n))
    await runs.wait
    return { n, secret: 'not in the schema' }
  })
  await app.ready()
  await replica.live()
  const first = await get('/slow')
  const condition = { 'if-none-match': String(first.headers['etag']) }
  const { passed, open } = gate()
  runs.wait = passed
  const stale = await until('it is stale', async () => {
    const found = await get('/slow', condition)
    return / ttl=-/.test(found.from) ? found : undefined
  })
  t.match(stale, { status: 304, body: '' })
  t.equal(stale.headers['x-run'], undefined)
  await until('the handler runs behind it', () => runs.count === 2)
  t.match(await get('/slow'), { status: 200, body: '{"n":1}', headers: { 'x-run': '1' } })
  open()
  const next = await until('the new one is there', async () => {
    const found = await get('/slow')
    return found.body === '{"n":1}' ? undefined : found
  })
  t.equal(next.body, '{"n":2}', 'by the schema of its own status, whatever the client was told')
})
