import { until } from '@lockstep/testing'
import type { Cases } from './contract.ts'
import { entryOf, fillOf, grant, kindOf, LONG, NOTE, token, what } from './material.ts'

export const leaseCases: Cases = {
  'a lease goes to the first who asks, and its fill is read back byte for byte': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const mine = await grant(one, shard, name)
    t.equal(await kindOf(other, shard, name), 'wait')
    const bytes = entryOf(mine, { tags: ['a', 'ä'] }, '\u0000\u00ffbody')
    t.same(await one.fill(shard, [fillOf(name, bytes)]), [true])
    const { head, entries } = await other.read(shard, [bench.name('none'), name])
    t.same(entries, [undefined, bytes])
    t.same(head, mine.head)
    t.same((await other.lease(shard, [{ name, token: token() }], LONG)).answers, [{ kind: 'entry', bytes }])
  },
  'a lease asked for by many at once is granted once': async (t, { one, other, shard, name }) => {
    const asks = Array.from({ length: 40 }, (_, i) => kindOf(i % 2 ? one : other, shard, name('42')))
    const kinds = await Promise.all(asks)
    t.equal(kinds.filter((kind) => kind === 'granted').length, 1)
    t.equal(kinds.filter((kind) => kind === 'wait').length, 39)
  },
  'an entry that the asker rejected counts as absent, another one does not': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const old = await bench.put(name)
    const identity = old.toString('latin1', 4, 20)
    t.equal(await kindOf(one, shard, name, 'another-identity'), 'entry')
    t.equal(await kindOf(one, shard, name, identity), 'granted')
    t.equal(await kindOf(other, shard, name, identity), 'wait')
    t.same(await bench.present(name), old, 'it stays until it is replaced')
  },
  'what lies there and is no entry can be rejected by whatever its bytes are': async (t, bench) => {
    const { one, shard } = bench
    for (const [at, bytes] of [Buffer.from([1, 2, 3]), Buffer.alloc(30, 0xfe)].entries()) {
      const name = bench.name(`garbage${at}`)
      const mine = await grant(one, shard, name)
      const fill = { name, token: mine.token, incarnation: mine.head.incarnation, bytes, lifetime: LONG }
      t.same(await one.fill(shard, [fill]), [true])
      t.equal(await kindOf(one, shard, name), 'entry')
      t.equal(await kindOf(one, shard, name, bytes.toString('latin1', 4, 20)), 'granted')
    }
  },
  'a fill is good for once, and only with the token that holds the lease': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const mine = await grant(one, shard, name)
    const stranger = fillOf(name, entryOf({ ...mine, token: token() }))
    t.same(await other.fill(shard, [stranger]), [false])
    t.equal(await bench.present(name), undefined)
    const fill = fillOf(name, entryOf(mine))
    t.same(await one.fill(shard, [fill]), [true])
    t.same(await one.fill(shard, [fill]), [false])
  },
  'a lease ends by time; whoever held it can neither renew it nor fill': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const slow = token()
    const { head } = await one.lease(shard, [{ name, token: slow }], 30)
    const next = await until('the lease has ended', async () => {
      const mine = token()
      const { answers } = await other.lease(shard, [{ name, token: mine }], LONG)
      return answers[0]?.kind === 'granted' && mine
    })
    t.equal(await one.renew(shard, name, slow, LONG), false)
    t.same(await one.fill(shard, [fillOf(name, entryOf({ token: slow, head }))]), [false])
    t.same(await other.fill(shard, [fillOf(name, entryOf({ token: next, head }))]), [true])
  },
  'a lease that is renewed lives on, also when others wait for it': async (t, bench) => {
    const { one, other, shard } = bench
    const mine = token()
    // A machine under load may take longer until it is renewed than the lease lasts.
    const { name, head } = await until('it is renewed in time', async () => {
      const name = bench.name(token())
      const { head } = await one.lease(shard, [{ name, token: mine }], 300)
      return (await one.renew(shard, name, mine, LONG)) && { name, head }
    })
    t.equal(await kindOf(other, shard, name), 'wait')
    t.equal(await one.renew(shard, name, mine, LONG), true)
    await new Promise((resolve) => setTimeout(resolve, 350))
    t.equal(await kindOf(other, shard, name), 'wait')
    t.same(await one.fill(shard, [fillOf(name, entryOf({ token: mine, head }))]), [true])
  },
  'that others wait does not prolong a lease': async (t, bench) => {
    const { one, other, shard } = bench
    // A machine under load may take longer between the two than the lease lasts.
    const name = await until('another waits', async () => {
      const next = bench.name(token())
      await one.lease(shard, [{ name: next, token: token() }], 100)
      return (await kindOf(other, shard, next)) === 'wait' && next
    })
    t.ok(await until('it ends', async () => (await kindOf(other, shard, name)) === 'granted'))
  },
  'a load that failed gives its lease back': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const mine = await grant(one, shard, name)
    const { incarnation } = mine.head
    const nothing = { name, token: mine.token, incarnation, bytes: undefined, lifetime: LONG }
    t.same(await one.fill(shard, [nothing]), [false])
    t.equal(await bench.present(name), undefined)
    t.equal(await kindOf(other, shard, name), 'granted')
  },
  'a fill without a lifetime stores nothing': async (t, bench) => {
    const { one, shard } = bench
    const name = bench.name('42')
    const mine = await grant(one, shard, name)
    t.same(await one.fill(shard, [fillOf(name, entryOf(mine), -5)]), [false])
    t.equal(await bench.present(name), undefined)
  },
  'entries end, and a touch prolongs those that are there': async (t, bench) => {
    const { one, shard } = bench
    const none = bench.name('none')
    const put = async (name: string) => {
      await one.fill(shard, [fillOf(name, entryOf(await grant(one, shard, name)), 200)])
      return name
    }
    // A machine under load may take longer until it is touched than the entry lasts.
    await until('one is kept, and the other has ended', async () => {
      const [kept, ending] = [await put(bench.name(token())), await put(bench.name(token()))]
      await one.touch(shard, [
        { name: kept, lifetime: LONG },
        { name: none, lifetime: LONG },
      ])
      await until('it has ended', async () => (await bench.present(ending)) === undefined)
      return (await bench.present(kept)) !== undefined
    })
    t.equal(await bench.present(none), undefined)
  },
  'many names are one call, each with its own answer': async (t, bench) => {
    const { one, other, shard } = bench
    const names = Array.from({ length: 1100 }, (_, i) => bench.name(`many${i}`))
    const [present = '', held = '', written = ''] = [names[0], names[600], names[1099]]
    const bytes = await bench.put(present)
    await grant(other, shard, held)
    await other.begin(shard, [written], token(), LONG, NOTE)
    const asks = names.map((name) => ({ name, token: token() }))
    const { head, answers } = await one.lease(shard, asks, LONG)
    t.same(answers[0], { kind: 'entry', bytes })
    t.same([answers[600]?.kind, answers[1099]?.kind], ['wait', 'uncacheable'])
    t.equal(answers.filter(({ kind }) => kind === 'granted').length, 1097)
    const fills = asks.map(({ name, token }) => fillOf(name, entryOf({ token, head })))
    const stored = await one.fill(shard, fills)
    t.equal(stored.length, 1100)
    t.same([stored[0], stored[600], stored[1099]], [false, false, false])
    t.equal(stored.filter(Boolean).length, 1097)
    t.equal((await one.read(shard, names)).entries.filter(Boolean).length, 1098)
    const { change, removed } = await one.invalidate(shard, what({ keys: names, tags: ['a'] }), NOTE)
    t.same([change.keys.length, change.tags, removed], [1100, ['a'], 1098])
    const { markers } = await one.probe(shard, 'r', LONG, true)
    t.same(markers?.seqs, [['t:a', change.seq]])
    t.equal((await one.read(shard, names)).entries.filter(Boolean).length, 0)
  },
  'entries that are still the ones that were looked at can be dropped without a word': async (t, bench) => {
    const { one, shard } = bench
    const [old, other, none] = ['old', 'other', 'none'].map(bench.name)
    if (!old || !other || !none) throw new Error('no names')
    const bytes = await bench.put(old)
    await bench.put(other)
    const before = await bench.head()
    const identity = bytes.toString('latin1', 4, 20)
    const dropped = await one.drop(
      shard,
      [old, other, none].map((name) => ({ name, identity })),
    )
    t.equal(dropped, 1)
    t.equal(await bench.present(old), undefined)
    t.ok(await bench.present(other))
    t.same(await bench.head(), before)
  },
  'names are found by a glob, entries only': async (t, bench) => {
    const { one, shard } = bench
    const names = ['a1', 'a2', 'b1'].map(bench.name)
    for (const name of names) await bench.put(name)
    await grant(one, shard, bench.name('a3'))
    await one.begin(shard, [bench.name('a4')], token(), LONG, NOTE)
    await one.probe(shard, 'replica', LONG, false)
    const found = async (glob: string) => {
      const all = new Set<string>()
      for await (const page of one.scan(glob)) for (const name of page) all.add(name)
      return [...all].toSorted()
    }
    t.same(await found('books:v1:a*'), names.slice(0, 2).toSorted())
    t.same(await found('*'), names.toSorted())
    t.same(await found('books:v1:c*'), [])
  },
}
