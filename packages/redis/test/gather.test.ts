import { Writable } from 'node:stream'
import { test } from 'tap'
import { gatherer } from '../src/gather.ts'

function recorder() {
  const writes: string[][] = []
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      writes.push([String(chunk)])
      done()
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)))
      done()
    },
  })
  return { stream, writes }
}

await test('what is written in one turn leaves at once, and the next turn is another', async (t) => {
  const { stream, writes } = recorder()
  const gather = gatherer()
  for (const text of ['a', 'b', 'c']) {
    gather(stream)
    stream.write(text)
  }
  t.same(writes, [])
  await new Promise(setImmediate)
  gather(stream)
  stream.write('d')
  await new Promise(setImmediate)
  t.same(writes, [['a', 'b', 'c'], ['d']])
})

await test('a connection that replaces another in one turn has its own', async (t) => {
  const [old, next] = [recorder(), recorder()]
  const gather = gatherer()
  for (const { stream } of [old, next, old]) {
    gather(stream)
    stream.write('x')
  }
  await new Promise(setImmediate)
  t.same(old.writes.flat(), ['x', 'x'])
  t.same(next.writes.flat(), ['x'])
})

await test('much does not wait for the end of the turn', async (t) => {
  const { stream, writes } = recorder()
  const gather = gatherer()
  const much = 'x'.repeat(2048)
  for (const text of ['a', much, 'b', 'c']) {
    gather(stream)
    stream.write(text)
  }
  t.same(writes, [['a', much]])
  await new Promise(setImmediate)
  t.same(writes, [
    ['a', much],
    ['b', 'c'],
  ])
})
