import { keySpace } from '@lockstep/redis'
import { type Teardown, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { readHeader } from '../../src/codec/entry.ts'
import * as scripts from '../../src/redis/scripts.ts'
import { redisTransport } from '../../src/redis/transport.ts'
import { openLink } from './links.ts'
import { benchOf, entryOf, fillOf, grant, LONG, NOTE, token, what } from './material.ts'
import { subjectsOn } from './redis.ts'

const keys = keySpace('shop')

async function open(t: Teardown) {
  const server = await testRedis(t)
  const raw = new Redis(server.url)
  t.teardown(() => raw.disconnect())
  const link = await openLink(t, { REDIS_URL: server.url })
  const transport = redisTransport(link, { prefix: 'shop' })
  const bench = await benchOf(t, async () => ({ one: transport, other: transport, loseHead: async () => {} }))
  return { server, raw, link, transport, bench, store: transport.store }
}

/** The commands that clients send while something is done, without those that scripts make of them, and heartbeats. */
async function sentWhile(raw: Redis, action: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = []
  const monitor = await raw.monitor()
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    const command = args[0]?.toLowerCase() ?? ''
    if (source !== 'lua' && command !== 'ping') sent.push(command)
  })
  await action()
  await raw.echo('over')
  await until('the monitor has caught up', () => sent.includes('echo'))
  monitor.disconnect()
  return sent.slice(0, sent.indexOf('echo'))
}

await test('an invalidation is one command, whatever its number of keys; so are reads, leases and fills', async (t) => {
  const { raw, store, bench } = await open(t)
  await bench.head()
  const names = Array.from({ length: 300 }, (_, i) => bench.name(i))
  const all = what({ keys: names, tags: ['a', 'b'], prefixes: ['p'], caches: ['books:v1'] })
  await store.invalidate(0, all, NOTE)
  t.same(await sentWhile(raw, () => store.invalidate(0, all, NOTE)), ['evalsha'])
  t.same(await sentWhile(raw, () => store.read(0, names)), ['mget'])
  const asks = names.map((name) => ({ name, token: token() }))
  await store.lease(0, [], LONG)
  await store.fill(0, [])
  let head = await bench.head()
  const leased = await sentWhile(raw, async () => ({ head } = await store.lease(0, asks, LONG)))
  t.same(leased, ['evalsha'])
  const fills = asks.map(({ name, token }) => fillOf(name, entryOf({ token, head })))
  t.same(await sentWhile(raw, () => store.fill(0, fills)), ['evalsha'])
})

await test('K2 K9 every key has our prefix; entries and leases have a TTL, control keys have none', async (t) => {
  const { raw, store, bench } = await open(t)
  await bench.put(bench.name('42'))
  await grant(store, 0, bench.name('43'))
  await store.begin(0, [bench.name('44')], token(), LONG, NOTE)
  await store.invalidate(0, what({ tags: ['a'] }), NOTE)
  await store.probe(0, 'r', LONG, false)
  const there = await raw.keys('*')
  const control = ['head', 'intents', 'log', 'markers', 'replicas', 'server'].map((key) => `shop:{0}:${key}`)
  const timed = ['shop:{0}:books:v1:42', 'shop:{0}:lease:books:v1:43']
  t.same(there.toSorted(), [...control, ...timed].toSorted())
  for (const key of control) t.equal(await raw.pttl(key), -1, key)
  for (const key of timed) t.ok((await raw.pttl(key)) > 50_000, key)
})

await test('scripts are sent again after SCRIPT FLUSH', async (t) => {
  const { raw, store, bench } = await open(t)
  const bytes = await bench.put(bench.name('42'))
  await raw.script('FLUSH')
  const { answers } = await store.lease(0, [{ name: bench.name('42'), token: token() }], LONG)
  t.same(answers, [{ kind: 'entry', bytes }])
  await raw.script('FLUSH')
  t.equal((await store.invalidate(0, what({ keys: [bench.name('42')] }), NOTE)).removed, 1)
})

await test('a log that contradicts the head begins a new history', async (t) => {
  const { raw, store, bench } = await open(t)
  const name = bench.name('42')
  for (const tamper of [
    () => raw.set(keys.head(0), '77:3:older:1700000000000'),
    () => raw.multi().del(keys.log(0)).set(keys.log(0), 'no stream').exec(),
  ]) {
    for (let i = 0; i < 5; i++) await store.invalidate(0, what({ tags: ['old'] }), NOTE)
    await bench.put(name)
    await tamper()
    const { incarnation } = await bench.head().catch(() => ({ incarnation: 77 }))
    const { head, change, removed } = await store.invalidate(0, what({ keys: [name] }), NOTE)
    t.not(head.incarnation, incarnation)
    t.same([head.seq, removed], [1, 1])
    t.same((await store.replay(0, 0)).changes, [change])
    t.same((await store.probe(0, 'r', LONG, true)).markers, { seqs: [], floor: 0 })
  }
})

await test('a head that is none of ours is replaced', async (t) => {
  const { raw, store, bench } = await open(t)
  for (const foreign of ['', 'x', '1:2:3', '1:2:a"b:4', '9'.repeat(20) + ':1:a:1', '1:1:a:1:1']) {
    await raw.set(keys.head(0), foreign)
    t.equal((await store.read(0, [])).head, undefined, foreign)
    const { head } = await store.invalidate(0, what({ tags: ['a'] }), NOTE)
    t.equal(head.seq, 1)
    t.same((await store.read(0, [])).head, head)
  }
  await raw.multi().del(keys.head(0)).lpush(keys.head(0), 'x').exec()
  t.equal((await store.probe(0, 'r', LONG, false)).head.seq, 0)
  t.equal((await bench.head()).seq, 0)
})

await test('large numbers are written out', async (t) => {
  const { raw, store, bench } = await open(t)
  const [incarnation, seq] = [2 ** 52 - 1, 2 ** 51 + 1]
  await raw.set(keys.head(0), `${incarnation}:${seq}:tok:1700000000000`)
  const name = bench.name('42')
  const write = { name, bytes: entryOf(await grant(store, 0, name)), lifetime: LONG }
  const { head, change } = await store.set(0, write, undefined, NOTE)
  t.same([head.incarnation, head.seq, head.born], [incarnation, seq + 1, 1_700_000_000_000])
  t.equal(await raw.get(keys.head(0)), `${incarnation}:${seq + 1}:${head.token}:1700000000000`)
  t.same((await store.replay(0, seq)).changes, [change])
  const there = await bench.present(name)
  const header = there && readHeader(there)
  t.same([header?.incarnation, header?.seq], [incarnation, seq + 1])
  await store.invalidate(0, what({ tags: ['a'] }), NOTE)
  t.same((await store.probe(0, 'r', LONG, true)).markers?.seqs, [['t:a', seq + 2]])
})

await test('a probe, a begin or an end on another server begins a new history', async (t) => {
  const { raw, store, bench } = await open(t)
  const asks = {
    probe: () => store.probe(0, 'r', LONG, false),
    begin: () => store.begin(0, [bench.name('42')], token(), LONG, NOTE),
    end: () => store.end(0, [bench.name('42')], token(), 1, [], NOTE),
  }
  for (const [script, ask] of Object.entries(asks)) {
    const before = await bench.head()
    t.equal((await ask()).head.incarnation, before.incarnation, `${script} on the same server`)
    await raw.set('shop:{0}:server', 'f'.repeat(40))
    const { head } = await ask()
    t.not(head.incarnation, before.incarnation, script)
    t.equal((await ask()).head.incarnation, head.incarnation, `${script} again`)
  }
  const before = await bench.head()
  for (const unknown of [() => raw.set('shop:{0}:server', ''), () => raw.del('shop:{0}:server')]) {
    await unknown()
    t.equal((await asks.probe()).head.incarnation, before.incarnation, 'unknown is not another')
    t.match(await raw.get('shop:{0}:server'), /^[0-9a-f]{40}$/)
  }
})

await test('a user that may not ask which server it is can work', async (t) => {
  const { server, raw } = await open(t)
  await raw.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-info')
  const link = await openLink(t, { REDIS_URL: server.url.replace('://', '://app:secret@') })
  const { store } = redisTransport(link, { prefix: 'shop' })
  const { head } = await store.probe(0, 'r', LONG, false)
  t.same((await store.probe(0, 'r', LONG, false)).head, head)
  await raw.set('shop:{0}:server', 'f'.repeat(40))
  t.same((await store.probe(0, 'r', LONG, false)).head, head, 'nobody knows')
})

await test('when memory is full nothing is stored, and everything that makes stale entries go still runs', async (t) => {
  const { raw, store, bench } = await open(t)
  const [here, loading] = ['here', 'loading'].map((id) => bench.name(id))
  if (!here || !loading) throw new Error('no names')
  await bench.put(here)
  const mine = await grant(store, 0, loading)
  const writer = token()
  const begun = await store.begin(0, [bench.name('written')], writer, LONG, NOTE)
  const dropped = bench.name('dropped')
  const identity = (await bench.put(dropped)).toString('latin1', 4, 20)
  await raw.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1')
  const full = { message: /OOM/ }
  await t.rejects(store.lease(0, [{ name: bench.name('x'), token: token() }], LONG), full)
  await t.rejects(store.fill(0, [fillOf(loading, entryOf(mine))]), full)
  await t.rejects(store.set(0, { name: here, bytes: entryOf(mine), lifetime: LONG }, undefined, NOTE), full)
  t.equal(await store.drop(0, [{ name: dropped, identity }]), 1)
  t.equal(await store.renew(0, loading, mine.token, LONG), true)
  t.equal((await store.evictPresent(0, [loading], NOTE))?.change.keys[0], loading)
  t.equal((await store.invalidate(0, what({ keys: [here], tags: ['a'] }), NOTE)).removed, 1)
  t.equal(await bench.present(here), undefined)
  const { incarnation } = begun.head
  t.equal((await store.end(0, [bench.name('written')], writer, incarnation, [], NOTE)).stood, true)
  t.equal((await store.begin(0, [bench.name('42')], token(), LONG, NOTE)).head.incarnation, incarnation)
  t.equal((await store.probe(0, 'r', LONG, true)).markers?.seqs.length, 1)
  t.equal((await store.replay(0, 0)).changes.length, 5)
  t.not((await store.rotate(0, incarnation)).head.incarnation, incarnation)
})

await test('the intents of writers that died do not pile up', async (t) => {
  const { raw, store, bench } = await open(t)
  for (let round = 0; round < 10; round++) {
    const begin = (i: number) => store.begin(0, [bench.name(`${round}-${i}`)], token(), 1, NOTE)
    await Promise.all(Array.from({ length: 60 }, (_, i) => begin(i)))
  }
  t.ok((await raw.hlen(keys.intents(0))) < 250)
})

await test('the log keeps the last changes', async (t) => {
  const { raw, store } = await open(t)
  const { incarnation } = (await store.invalidate(0, what({ keys: ['a'] }), NOTE)).head
  const [entry] = await raw.xrange(keys.log(0), '-', '+')
  const message = entry?.[1][1] ?? ''
  const longLog = `for seq = 2, 10100 do
    redis.call('XADD', KEYS[1], seq .. '-0', 'm', (string.gsub(ARGV[1], '"seq":1,', '"seq":' .. seq .. ',')))
  end`
  await raw.eval(longLog, 1, keys.log(0), message)
  await raw.set(keys.head(0), `${incarnation}:10100:tok:1700000000000`)
  await store.invalidate(0, what({ keys: ['a'] }), NOTE)
  const kept = await raw.xlen(keys.log(0))
  t.ok(kept >= 10_000 && kept < 10_101, `${kept} are kept`)
  const { changes } = await store.replay(0, 0)
  t.equal(changes[0]?.seq, 10_102 - kept, 'it no longer reaches back')
})

await test('a replay ends soon after a megabyte, and goes through the log a page at a time', async (t) => {
  const { raw, store } = await open(t)
  const tag = 'x'.repeat(10_000)
  for (let i = 0; i < 200; i++) await store.invalidate(0, what({ tags: [tag] }), NOTE)
  await raw.config('RESETSTAT')
  const { head, changes } = await store.replay(0, 10)
  t.same([head.seq, changes[0]?.seq], [200, 11])
  t.same(
    changes.map(({ seq }) => seq),
    changes.map((_, at) => 11 + at),
    'in order, without a gap between pages',
  )
  const bytes = changes.length * tag.length
  t.ok(bytes > 2 ** 20 - 20_000 && bytes < 2 ** 20 + 500_000, `${bytes} bytes`)
  t.match(await raw.info('commandstats'), /cmdstat_xrange:calls=3,/)
  t.equal((await store.replay(0, 95)).changes.at(-1)?.seq, 200, 'what is less comes whole')
})

await test('a log in the words of a later release is replayed as far as it is understood', async (t) => {
  const { raw, store } = await open(t)
  await store.invalidate(0, what({ tags: ['a'] }), NOTE)
  await raw.xadd(keys.log(0), '2-0', 'm', '{"v":3,"ns":"shop"}')
  await raw.xadd(keys.log(0), '3-0', 'm', 'not ours')
  t.match(await store.replay(0, 0), { changes: [{ seq: 1, tags: ['a'] }] })
  t.equal((await store.replay(0, 0)).changes.length, 1)
})

await test('a reply of another shape names the script', (t) => {
  const fault = { code: 'LOCKSTEP_STORE_REPLY', message: /probe/ }
  for (const reply of ['odd', null, [], [Buffer.from('1:2')]]) {
    t.throws(() => scripts.probe.decode(reply), fault, JSON.stringify(reply))
  }
  t.end()
})

await test('a glob in the prefix is taken literally, and shards beyond the last are refused', async (t) => {
  const { link, store, raw } = await open(t)
  const { store: starred } = redisTransport(link, { prefix: 's*[p]?' })
  await raw.mset('s*[p]?:{0}:books:v1:1', 'x', 'shop:{0}:books:v1:1', 'x', 's-pp:{0}:books:v1:2', 'x')
  const found: string[] = []
  for await (const page of starred.scan('*')) found.push(...page)
  t.same(found, ['books:v1:1'])
  t.throws(() => store.renew(1, 'x', 'y', 1), { name: 'RangeError' })
})

await test('two instances on one Redis do not meet', async (t) => {
  const { link, store, bench } = await open(t)
  const { one, name, head } = await benchOf(t, subjectsOn([link, link]))
  await one.invalidate(0, what({ keys: [name('42')], tags: ['a'] }), NOTE)
  t.equal((await bench.head()).seq, 0)
  t.equal((await head()).seq, 1)
  t.equal((await store.probe(0, 'r', LONG, true)).markers?.seqs.length, 0)
})
