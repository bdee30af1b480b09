import { test } from 'tap'
import { fleet, settle } from './fleet.ts'

await test('K8 cached: the same function, asked only when neither tier has its result', async (t) => {
  const { a, b } = await fleet({ size: 2 })
  const calls: string[] = []
  const search = async (text: string, page: number, sort?: string) => {
    calls.push(`${text} ${page} ${sort}`)
    return text === 'nothing' ? undefined : { hits: [text, page] }
  }
  const define = { name: 'searches', version: 1, ttl: '1m', tags: () => ['books'] } as const
  const [one, other] = [a, b].map(({ cache }) => cache.cached(search, define))
  if (!one || !other) throw new Error('no functions')
  t.same(await Promise.all([one('a', 1), one('a', 1)]), [{ hits: ['a', 1] }, { hits: ['a', 1] }])
  await settle()
  t.same(await other('a', 1), { hits: ['a', 1] })
  t.equal(await one('nothing', 1), undefined)
  t.equal(await one('nothing', 1), undefined)
  t.same(calls, ['a 1 undefined', 'nothing 1 undefined'])
  await a.cache.invalidateTags(['books'])
  await other('a', 1)
  t.equal(calls.length, 3)
  await one.cache.invalidate(['a', 1])
  await one('a', 1)
  t.equal(calls.length, 4)
})

await test('K8 cached: results of other arguments are other results', async (t) => {
  const { a } = await fleet()
  const all: readonly unknown[][] = [
    ['1'],
    [1],
    [true],
    [null],
    [undefined],
    [],
    ['a', 'b'],
    ['a,b'],
    [''],
    [-1],
    [1.5],
  ]
  let calls = 0
  const echo = a.cache.cached(async (...args: readonly unknown[]) => [++calls, args.length], {
    name: 'echo',
    version: 1,
    ttl: '1m',
  })
  for (const args of all) await echo(...args)
  t.equal(calls, all.length)
  for (const args of all) await echo(...args)
  t.equal(calls, all.length)
})

await test('K8 cached: arguments that are no plain values need a key of their own', async (t) => {
  const { a } = await fleet()
  const define = { name: 'films', version: 1, ttl: '1m' } as const
  const film = async (query: { id: number }) => ({ film: query.id })
  const unfit = a.cache.cached(film, define)
  await t.rejects(async () => unfit({ id: 1 }), {
    name: 'DefinitionError',
    message: 'The arguments of films are not all plain values: give it a key',
  })
  const numbers = a.cache.cached(async (n: number) => n, { ...define, name: 'numbers' })
  for (const n of [Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.rejects(async () => numbers(n), { name: 'DefinitionError' })
  }
  const keyed = a.cache.cached(film, { ...define, name: 'keyed', key: ({ id }) => id })
  t.same(await keyed({ id: 1 }), { film: 1 })
  t.equal(keyed.cache.key([{ id: 1 }]), 'keyed:v1:1')
})

await test('K8 invalidates: what a function changed goes when it has resolved, and stays when it failed', async (t) => {
  const { a, b, source } = await fleet({ size: 2 })
  await b.books.get(42)
  const rename = a.cache.invalidates(
    async (id: number, title: string) => {
      if (title === '') throw new Error('no title')
      source.set(id, { title })
      return id
    },
    { what: ([id], result) => ({ keys: [a.books.key(id), a.books.key(result + 1)], tags: ['lists'] }) },
  )
  await t.rejects(rename(42, ''), { message: 'no title' })
  t.match(b.books.peek(42), { title: 'first' })
  t.equal(await rename(42, 'second'), 42)
  t.match(await b.books.get(42), { title: 'second' })
})

await test('K8 invalidates with names declares before what it changes, and may crash', async (t) => {
  const { a, b, source } = await fleet({ size: 2 })
  await b.books.get(42)
  const gate = Promise.withResolvers<void>()
  const rename = a.cache.invalidates(
    async (id: number, title: string) => {
      source.set(id, { title })
      await gate.promise
      throw new Error('the answer was lost')
    },
    { names: (id) => [a.books.key(id)], lifetime: '5s' },
  )
  const renaming = t.rejects(rename(42, 'second'), { message: 'the answer was lost' })
  await settle()
  t.match(await b.books.read(42), { degraded: 'writing', value: { title: 'second' } })
  gate.resolve()
  await renaming
  t.match(await b.books.read(42), { value: { title: 'second' }, stored: true })
})
