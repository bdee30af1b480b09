import { test } from 'tap'
import { Upstreams } from '../src/upstreams.ts'

const none: ReadonlySet<string> = new Set()

await test('ready replicas take turns', async (t) => {
  const upstreams = new Upstreams(['a', 'b', 'c'])
  const turns = () => Array.from({ length: 6 }, () => upstreams.next(none))
  t.same(turns(), ['a', 'b', 'c', 'a', 'b', 'c'])
  upstreams.mark('b', false)
  t.same(new Set(turns()), new Set(['a', 'c']))
  upstreams.mark('b', true)
  t.same(new Set(turns()), new Set(['a', 'b', 'c']))
})

await test('when none is known to be ready all are tried, each once', async (t) => {
  const upstreams = new Upstreams(['a', 'b'])
  for (const address of ['a', 'b']) upstreams.mark(address, false)
  const tried = new Set<string>()
  for (let next = upstreams.next(tried); next; next = upstreams.next(tried)) tried.add(next)
  t.same(tried, new Set(['a', 'b']))
  t.equal(upstreams.next(tried), undefined)
})
