import { type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'
import type { Transport } from '../src/index.ts'

/** What every transport must do, whatever is behind it. */
export async function transportContract(
  name: string,
  open: (t: Teardown) => Promise<{ transport: Transport; publish: (payload: string) => Promise<void> }>,
): Promise<void> {
  const later = () => Date.now() + 60_000
  const book = { id: 42, title: 'Ficciones', tags: ['a', 'b'], nothing: null }

  await test(`${name}: an entry is filled with a grant, and read back equal`, async (t) => {
    const { store } = (await open(t)).transport
    t.equal(await store.read('books:v1', 'books:v1:42'), undefined)
    const expiresAt = later()
    const grant = await store.lease('books:v1', 'books:v1:42')
    t.equal(await store.fill('books:v1:42', grant, { value: book, expiresAt }), true)
    t.same(await store.read('books:v1', 'books:v1:42'), { value: book, expiresAt })
  })

  await test(`${name}: absence can be stored`, async (t) => {
    const { store } = (await open(t)).transport
    const grant = await store.lease('books:v1', 'books:v1:7')
    await store.fill('books:v1:7', grant, { value: undefined, expiresAt: later() })
    const entry = await store.read('books:v1', 'books:v1:7')
    t.ok(entry)
    t.equal(entry?.value, undefined)
  })

  await test(`${name}: an entry ends`, async (t) => {
    const { store } = (await open(t)).transport
    const grant = await store.lease('books:v1', 'books:v1:42')
    await store.fill('books:v1:42', grant, { value: book, expiresAt: Date.now() + 30 })
    t.ok(await until('it is gone', async () => (await store.read('books:v1', 'books:v1:42')) === undefined))
  })

  await test(`${name}: an invalidation removes the entry, and takes the right to fill away`, async (t) => {
    const { store } = (await open(t)).transport
    const first = await store.lease('books:v1', 'books:v1:42')
    await store.invalidate({ names: ['books:v1:42'], caches: [] }, undefined)
    t.equal(await store.fill('books:v1:42', first, { value: book, expiresAt: later() }), false)
    t.equal(await store.read('books:v1', 'books:v1:42'), undefined)

    const second = await store.lease('books:v1', 'books:v1:42')
    await store.fill('books:v1:42', second, { value: book, expiresAt: later() })
    await store.invalidate({ names: ['books:v1:42'], caches: [] }, undefined)
    t.equal(await store.read('books:v1', 'books:v1:42'), undefined)
  })

  await test(`${name}: the right to fill goes to whoever asks last, and is good for once`, async (t) => {
    const { store } = (await open(t)).transport
    const slow = await store.lease('books:v1', 'books:v1:42')
    const fast = await store.lease('books:v1', 'books:v1:42')
    t.equal(await store.fill('books:v1:42', slow, { value: 'old', expiresAt: later() }), false)
    t.equal(await store.fill('books:v1:42', fast, { value: 'new', expiresAt: later() }), true)
    t.equal(await store.fill('books:v1:42', fast, { value: 'again', expiresAt: later() }), false)
    t.match(await store.read('books:v1', 'books:v1:42'), { value: 'new' })
  })

  await test(`${name}: a lease for one entry leaves the others alone`, async (t) => {
    const { store } = (await open(t)).transport
    const grant = await store.lease('books:v1', 'books:v1:1')
    await store.fill('books:v1:1', grant, { value: 1, expiresAt: later() })
    await store.lease('books:v1', 'books:v1:2')
    t.match(await store.read('books:v1', 'books:v1:1'), { value: 1 })
  })

  await test(`${name}: clearing a cache hides its entries, also those that are filled later with an older grant`, async (t) => {
    const { store } = (await open(t)).transport
    const names = ['pages:v1:a', 'pages:v1:b', 'pages:v1:late']
    const [a, b, late] = await Promise.all(names.map((entry) => store.lease('pages:v1', entry)))
    if (!a || !b || !late) throw new Error('no grants')
    await store.fill('pages:v1:a', a, { value: 1, expiresAt: later() })
    await store.fill('pages:v1:b', b, { value: 2, expiresAt: later() })
    const other = await store.lease('books:v1', 'books:v1:1')
    await store.fill('books:v1:1', other, { value: 3, expiresAt: later() })

    await store.invalidate({ names: [], caches: ['pages:v1'] }, undefined)
    await store.fill('pages:v1:late', late, { value: 'stale', expiresAt: later() })
    for (const entry of names) t.equal(await store.read('pages:v1', entry), undefined, entry)
    t.match(await store.read('books:v1', 'books:v1:1'), { value: 3 }, 'other caches stay')

    const again = await store.lease('pages:v1', 'pages:v1:a')
    await store.fill('pages:v1:a', again, { value: 4, expiresAt: later() })
    t.match(await store.read('pages:v1', 'pages:v1:a'), { value: 4 }, 'and it can be filled anew')
  })

  await test(`${name}: an invalidation and its message are one step, heard by all who listen`, async (t) => {
    const { transport, publish } = await open(t)
    const heard: string[] = []
    const leave = transport.bus.listen({
      up: () => heard.push('up'),
      down: () => heard.push('down'),
      message: (payload) => heard.push(payload),
    })
    await until('the bus is up', () => heard.includes('up'))
    await transport.store.invalidate({ names: ['books:v1:42'], caches: [] }, 'told')
    await publish('books:v1:42')
    await until('both are heard', () => heard.length === 3)
    t.same(heard, ['up', 'told', 'books:v1:42'])
    await leave()
  })
}
