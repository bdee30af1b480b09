import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { gate, openReplica, type Replica } from './replica.ts'

/** Two replicas over one source, which counts how often it is read. */
async function openFleet(t: Parameters<typeof openReplica>[0]) {
  const server = await testRedis(t)
  const source = { title: 'Old', runs: 0, wait: Promise.resolve() }
  const route = ({ app }: Replica) =>
    app.get(
      '/books/:id',
      { config: { cache: { ttl: '1m', tags: ({ url }) => [`page:${url.split('?')[0]}`] } } },
      async () => {
        source.runs++
        const { title } = source
        await source.wait
        return { title }
      },
    )
  const a = openReplica(t, server.url)
  const b = openReplica(t, server.url)
  for (const replica of [a, b]) {
    route(replica)
    await replica.app.ready()
    await replica.live()
  }
  return { server, source, a, b }
}

await test('the answers of a route are one thing in the whole fleet', async (t) => {
  const { server, source, a, b } = await openFleet(t)

  await t.test('one handler run answers all who ask at once, on both replicas', async (t) => {
    source.runs = 0
    const { passed, open } = gate()
    source.wait = passed
    const asked = Array.from({ length: 40 }, (_, n) => (n % 2 ? a : b).get('/books/1'))
    await until('the handler runs', () => source.runs > 0)
    open()
    const answers = await Promise.all(asked)
    t.equal(source.runs, 1)
    t.same(new Set(answers.map(({ status, body }) => `${status} ${body}`)), new Set(['200 {"title":"Old"}']))
  })

  await t.test('what one replica invalidates is gone from the memory of the other', async (t) => {
    await Promise.all([a.warm('/books/2'), b.warm('/books/2')])
    source.title = 'New'
    await a.cache.invalidateTags(['page:/books/2'])
    t.match(await a.get('/books/2'), { body: '{"title":"New"}' }, 'at once where it was written')
    await until('the other shows it', async () => (await b.get('/books/2')).body === '{"title":"New"}')
  })

  await t.test('an answer made of data from before an invalidation is not kept', async (t) => {
    const { passed, open } = gate()
    source.wait = passed
    source.title = 'Before'
    source.runs = 0
    const slow = a.get('/books/3')
    await until('the handler has read', () => source.runs === 1)
    source.title = 'After'
    await a.cache.invalidateTags(['page:/books/3'])
    open()
    t.match(await slow, { body: '{"title":"Before"}' }, 'it was asked before the write')
    t.match(await a.get('/books/3'), { body: '{"title":"After"}' })
    t.match(await b.get('/books/3'), { body: '{"title":"After"}' })
  })

  await t.test('a request with the token of a write sees it on any replica', async (t) => {
    await b.warm('/books/4')
    source.title = 'Seen'
    const { token } = await a.cache.invalidateTags(['page:/books/4'])
    t.match(await b.get('/books/4', { 'lockstep-write': token }), { body: '{"title":"Seen"}' })
    t.match(await b.get('/books/4', { 'lockstep-write': 'pending' }), { status: 200, from: /detail=l2-away/ })
    const wrong = await b.get('/books/4', { 'lockstep-write': '1.2; drop' })
    t.match(wrong, { status: 400, body: /WRITE_TOKEN_INVALID/ })
  })

  await t.test('K6 without Redis the handler answers', async (t) => {
    await server.kill()
    await until('it is noticed', () => !a.cache.live)
    source.title = 'Without'
    t.match(await a.get('/books/1'), { status: 200, body: '{"title":"Without"}', from: /detail=l2-away/ })
  })
})
