import { test } from 'tap'
import { decodeMessage, encodeMessage } from '../src/wire.ts'

const ROOT = 'shop:{0}:'
const decode = (payload: string) => decodeMessage('shop', ROOT, payload)

await test('the format of a message does not change unnoticed', async (t) => {
  const golden =
    '{"v":1,"ns":"shop","shard":0,"origin":"a","keys":["books:v1:42"],"caches":["book-pages:v1"]}'
  const what = { names: ['books:v1:42'], caches: ['book-pages:v1'] }
  t.equal(encodeMessage('shop', 'a', what), golden)
  t.same(decode(golden), { kind: 'invalidation', origin: 'a', what })
})

await test('P5 anything else is a plain key, with or without our prefix', async (t) => {
  t.same(decode('books:v1:42'), { kind: 'plain', name: 'books:v1:42' })
  t.same(decode('shop:{0}:books:v1:42'), { kind: 'plain', name: 'books:v1:42' })
  t.same(decode('{not json'), { kind: 'plain', name: '{not json' })
  t.same(decode('{"some":"json"}'), { kind: 'plain', name: '{"some":"json"}' })
  t.same(decode(''), { kind: 'plain', name: '' })
})

await test('other namespaces, and formats to come', async (t) => {
  t.same(decode('{"v":1,"ns":"bank","shard":0,"origin":"a","keys":[],"caches":[]}'), { kind: 'foreign' })
  t.same(decode('{"v":2,"ns":"shop","what":"?"}'), { kind: 'unknown-format', version: 2 })
  t.same(decode('{"v":1,"ns":"shop","keys":"books:v1:42"}'), { kind: 'unknown-format', version: 1 })
})
