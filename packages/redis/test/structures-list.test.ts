import { test } from 'tap'
import { openList } from '../src/index.ts'
import { openBoth } from './links.ts'
import { openAll } from './structures.ts'

const KEY = 'shop:{0}:list:inbox:17'

await test('D2 an inbox: push, pop, recent, length, trim', async (t) => {
  const { link } = await openBoth(t)
  const { list } = openAll(link)
  t.equal(await list.pop('17'), undefined)
  t.same(await list.recent('17', 10), [])
  t.equal(await list.length('17'), 0)
  for (const [index, text] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    t.equal(await list.push('17', text), index + 1)
  }
  t.equal(await list.push('17', 'f'), 5, 'the oldest makes room')
  t.same(await list.recent('17', 10), ['f', 'e', 'd', 'c', 'b'])
  t.same(await list.recent('17', 2), ['f', 'e'])
  t.same(await list.recent('17', 0), [])
  t.equal(await list.pop('17'), 'f')
  t.equal(await list.trim('17', 10), 0)
  t.equal(await list.trim('17', 3), 1)
  t.same(await list.recent('17', 10), ['e', 'd', 'c'])
  t.equal(await list.trim('17', 0), 3)
  t.same(await list.recent('17', 10), [])
  t.equal(await list.trim('17', 0), 0)
  await list.push('17', 'g')
  t.equal(await list.remove('17'), true)
  t.equal(await list.remove('17'), false)
})

await test('D2 values are JSON, and decode makes them', async (t) => {
  const { link } = await openBoth(t)
  const dates = openList(link, {
    prefix: 'shop',
    name: 'dates',
    ttl: '1m',
    max: 3,
    decode: (value) => new Date(String(value)),
  })
  const date = new Date(0)
  await dates.push('a', date)
  const [read]: Date[] = await dates.recent('a', 1)
  t.same(read, date)

  const anything = openList<unknown>(link, {
    prefix: 'shop',
    name: 'any',
    ttl: '1m',
    max: 9,
    decode: (v) => v,
  })
  const values = [null, 'grüße\u0000', 1.5, [], { a: [true] }]
  for (const value of values) await anything.push('a', value)
  t.same(await anything.recent('a', 9), values.toReversed())
  const cycle: unknown[] = []
  cycle.push(cycle)
  for (const value of [undefined, () => {}, 1n, cycle]) {
    await t.rejects(anything.push('a', value), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
  }
  t.equal(await anything.length('a'), values.length)
})

await test('D2 what decode refuses is an error; pop takes it away all the same', async (t) => {
  const { link, raw } = await openBoth(t)
  const { list } = openAll(link)
  await list.push('17', 'a')
  for (const foreign of ['{"a":1}', 'no JSON', '']) {
    await raw.lpush(KEY, foreign)
    await t.rejects(list.recent('17', 5), { code: 'LOCKSTEP_REDIS_VALUE', key: KEY }, foreign)
    await t.rejects(list.pop('17'), { code: 'LOCKSTEP_REDIS_VALUE', key: KEY }, foreign)
    t.same(await list.recent('17', 5), ['a'])
  }
})

await test('D2 amounts are whole and not negative', async (t) => {
  const { link } = await openBoth(t)
  const { list } = openAll(link)
  await list.push('17', 'a')
  for (const n of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.rejects(list.recent('17', n), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
    await t.rejects(list.trim('17', n), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
  }
  t.equal(await list.length('17'), 1)
})
