import { readSettings } from '@lockstep/settings'
import { test } from 'tap'
import Type from 'typebox'
import { createService, healthPlugin, ProblemError, ServiceSettings } from '../src/index.ts'

class AwayError extends Error {}

function service() {
  const settings = readSettings(ServiceSettings, { SERVICE_ID: 'test-1', LOG_LEVEL: 'silent' })
  const app = createService({
    name: 'test',
    settings,
    formats: { even: (text) => Number(text) % 2 === 0 },
    translate: (error) =>
      error instanceof AwayError
        ? new ProblemError({ status: 503, code: 'AWAY', title: 'Away', detail: 'It is away', retryAfter: 2 })
        : undefined,
  })
  const schema = {
    querystring: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 10, default: 5 }) }),
    body: Type.Object(
      { name: Type.String({ minLength: 1 }), n: Type.Optional(Type.String({ format: 'even' })) },
      { additionalProperties: false },
    ),
  }
  app.post('/things', { schema }, async ({ query, body }) => ({ query, body }))
  app.get('/known', async () => {
    throw new ProblemError({
      status: 409,
      code: 'TAKEN',
      title: 'Conflict',
      detail: 'Taken',
      field: 'body.name',
    })
  })
  app.get('/away', async () => {
    throw new AwayError('password=hunter2')
  })
  app.get('/defect', async () => {
    throw new Error('secret detail at /home/me/app.ts')
  })
  return app
}

await test('what is wrong with a request is said as problem+json, with the field', async (t) => {
  const app = service()
  const post = async (payload: string | object, query = '') => {
    const reply = await app.inject({
      method: 'POST',
      url: `/things${query}`,
      payload,
      headers: { 'content-type': 'application/json' },
    })
    t.match(reply.headers['content-type'], /^application\/problem\+json/)
    t.equal(reply.headers['x-served-by'], 'test-1')
    const problem = reply.json()
    t.equal(problem.status, reply.statusCode)
    t.match(problem.instance, /^urn:uuid:/)
    return problem
  }
  t.match(await post({}), { status: 400, code: 'VALIDATION_FAILED', errors: [{ field: 'body.name' }] })
  t.match(await post({ name: '' }), { status: 400, errors: [{ field: 'body.name' }] })
  t.match(
    await post({ name: 7 }),
    { status: 400, errors: [{ message: 'must be string' }] },
    'a body is not converted',
  )
  t.match(await post({ name: 'a', n: '3' }), { status: 400, errors: [{ field: 'body.n' }] })
  t.match(await post({ name: 'a', extra: 1 }), { status: 400, errors: [{ field: 'body.extra' }] })
  t.match(await post({ name: 'a' }, '?limit=99'), { status: 400, errors: [{ field: 'query.limit' }] })
  t.match(await post({ name: 'a' }, '?limit=1&limit=2'), { status: 400, errors: [{ field: 'query.limit' }] })
  t.match(await post('{'), { status: 400 })
  t.match(await post('{"__proto__":{"x":1},"name":"a"}'), { status: 400 })
  t.match(await post(`{"name":"${'x'.repeat(70_000)}"}`), { status: 413 })
})

await test('what is right is converted and defaulted', async (t) => {
  const reply = await service().inject({
    method: 'POST',
    url: '/things?utm=1',
    payload: { name: 'a', n: '2' },
  })
  t.same(reply.json(), { query: { limit: 5 }, body: { name: 'a', n: '2' } })
})

await test('errors that are meant for clients are told, others are not', async (t) => {
  const app = service()
  const get = async (url: string) => app.inject({ url })
  t.match((await get('/known')).json(), { status: 409, code: 'TAKEN', errors: [{ field: 'body.name' }] })
  const away = await get('/away')
  t.match(away.json(), { status: 503, code: 'AWAY', detail: 'It is away' })
  t.equal(away.headers['retry-after'], '2')
  const defect = await get('/defect')
  t.match(defect.json(), { status: 500, code: 'INTERNAL_ERROR', title: 'Internal Server Error' })
  t.notMatch(defect.body + away.body, /secret|hunter2|app\.ts/)
  t.match((await get('/nowhere')).json(), { status: 404, code: 'ROUTE_NOT_FOUND' })
  const malformed = await get('/%zz')
  t.match(malformed.json(), { status: 400, title: 'Bad Request' })
  t.equal(malformed.headers['x-served-by'], 'test-1')
})

await test('C5 health says what each thing costs and means; live, ready and started are questions of their own', async (t) => {
  const app = service()
  const redis = { up: true, hangs: false }
  app.register(healthPlugin, {
    service: 'test-1',
    checks: [
      { name: 'db', description: 'Data', whenDown: 'unhealthy', check: async () => {} },
      {
        name: 'redis',
        description: 'Cache',
        whenDown: 'degraded',
        check: async () => {
          if (redis.hangs) await new Promise(() => {})
          if (!redis.up) throw new Error('redis://:hunter2@host is away')
        },
      },
    ],
  })
  const health = async () => {
    const reply = await app.inject('/health')
    return { code: reply.statusCode, ...reply.json() }
  }
  t.match(await health(), {
    code: 200,
    status: 'healthy',
    checks: [
      { name: 'db', status: 'healthy', description: 'Data', durationMs: Number },
      { name: 'redis', status: 'healthy' },
    ],
  })
  redis.up = false
  const down = await health()
  t.match(down, { code: 200, status: 'degraded', checks: [{}, { name: 'redis', status: 'degraded' }] })
  t.notMatch(JSON.stringify(down), /hunter2/)
  redis.hangs = true
  t.match(await health(), { code: 200, status: 'degraded' }, 'a check that hangs counts as failed')

  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal((await app.inject('/startupz')).statusCode, 503, 'it does not listen yet')
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.equal((await app.inject('/startupz')).statusCode, 200)
  app.draining = true
  const drained = await app.inject('/readyz')
  t.equal(drained.statusCode, 503)
  t.equal(drained.headers.connection, 'close')
  await app.close()
})

await test('S2 only a trusted proxy says whose request it is', async (t) => {
  const ipWith = async (env: Record<string, string>) => {
    const settings = readSettings(ServiceSettings, { LOG_LEVEL: 'silent', ...env })
    const app = createService({ name: 'test', settings })
    t.teardown(() => app.close())
    app.get('/ip', async ({ ip }) => ({ ip }))
    const { body } = await app.inject({ url: '/ip', headers: { 'x-forwarded-for': '192.0.2.1, 192.0.2.7' } })
    return body
  }
  t.equal(await ipWith({}), '{"ip":"127.0.0.1"}')
  t.equal(
    await ipWith({ TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' }),
    '{"ip":"192.0.2.7"}',
    'the last hop before it',
  )
  t.throws(() => readSettings(ServiceSettings, { TRUSTED_PROXIES: 'everybody' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
  })
})

await test('a body that is packed is refused, as nobody unpacks it', async (t) => {
  const app = service()
  const post = (encoding: string) =>
    app.inject({
      method: 'POST',
      url: '/things',
      headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
      body: '{"name":"a"}',
    })
  const refused = await post('gzip')
  t.match(refused.json(), { status: 415, code: 'ENCODING_NOT_ACCEPTED' })
  t.equal(refused.headers['accept-encoding'], 'identity')
  t.equal((await post('identity')).statusCode, 200)
})
