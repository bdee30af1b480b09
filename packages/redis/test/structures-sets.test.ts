import { test } from 'tap'
import { openBoth } from './links.ts'
import { openAll } from './structures.ts'

await test('D3 tags: add, remove, has, all, count, common', async (t) => {
  const { link } = await openBoth(t)
  const { set } = openAll(link)
  t.same(await set.all('17'), [])
  t.equal(await set.count('17'), 0)
  t.equal(await set.add('17', 'novel', 'classic', 'novel'), 2)
  t.equal(await set.add('17', 'novel', 'köln'), 1)
  t.equal(await set.add('18', 'classic', 'köln', 'poem'), 3)
  t.same(await set.all('17'), ['classic', 'köln', 'novel'])
  t.equal(await set.count('17'), 3)
  t.equal(await set.has('17', 'novel'), true)
  t.equal(await set.has('17', 'poem'), false)
  t.same(await set.common('17', '18'), ['classic', 'köln'])
  t.same(await set.common('17', '17'), ['classic', 'köln', 'novel'])
  t.same(await set.common('17', 'none'), [])
  t.equal(await set.remove('17', 'novel', 'poem'), 1)
  t.equal(await set.clear('17'), true)
  t.equal(await set.clear('17'), false)
  t.equal(await set.add('17'), 0)
  t.equal(await set.remove('17'), 0)
  const many = Array.from({ length: 1000 }, (_, n) => `t${n}`)
  t.equal(await set.add('19', ...many), 1000)
  for (const call of [set.add, set.remove]) {
    await t.rejects(call('19', ...many, 'x'), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
  }
  t.equal(await set.count('19'), 1000)
})

await test('D4 a leaderboard: the highest first', async (t) => {
  const { link } = await openBoth(t)
  const { sorted } = openAll(link)
  t.same(await sorted.top('b', 10), [])
  t.equal(await sorted.rank('b', 'a'), undefined)
  t.equal(await sorted.score('b', 'a'), undefined)
  await sorted.set('b', 'a', 10)
  await sorted.set('b', 'b', 20)
  t.equal(await sorted.add('b', 'c', 15), 15)
  t.equal(await sorted.add('b', 'a', -0.5), 9.5)
  await sorted.set('b', 'd', 20)
  const all = [
    { member: 'd', score: 20 },
    { member: 'b', score: 20 },
    { member: 'c', score: 15 },
    { member: 'a', score: 9.5 },
  ]
  t.same(await sorted.top('b', 10), all)
  t.same(await sorted.top('b', 2), all.slice(0, 2))
  t.same(await sorted.top('b', 2, { skip: 1 }), all.slice(1, 3))
  t.same(await sorted.top('b', 2, { skip: 4 }), [])
  t.same(await sorted.top('b', 0), [])
  for (const [index, { member, score }] of all.entries()) {
    t.equal(await sorted.rank('b', member), index + 1)
    t.equal(await sorted.score('b', member), score)
  }
  t.same(await sorted.range('b', 9.5, 15, { limit: 10 }), all.slice(2), 'both ends belong to it')
  const [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  t.same(await sorted.range('b', least, most, { limit: 10 }), all)
  t.same(await sorted.range('b', least, most, { skip: 1, limit: 2 }), all.slice(1, 3))
  t.same(await sorted.range('b', least, most, { limit: 0 }), [])
  t.same(await sorted.range('b', 15, 9.5, { limit: 10 }), [])
  t.equal(await sorted.count('b'), 4)
  t.equal(await sorted.remove('b', 'a'), true)
  t.equal(await sorted.remove('b', 'a'), false)
  t.equal(await sorted.count('b'), 3)
  t.equal(await sorted.count('other'), 0)
})

await test('D4 scores are exact and finite, amounts whole and not negative', async (t) => {
  const { link, raw } = await openBoth(t)
  const { sorted } = openAll(link)
  for (const score of [0.1, 0.1 + 0.2, -1e-300, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
    await sorted.set('b', 'a', score)
    t.equal(await sorted.score('b', 'a'), score)
    t.same(await sorted.range('b', score, score, { limit: 1 }), [{ member: 'a', score }])
  }
  const refused = { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' }
  for (const score of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    await t.rejects(sorted.set('b', 'a', score), refused)
    await t.rejects(sorted.add('b', 'a', score), refused)
  }
  await t.rejects(sorted.range('b', Number.NaN, 1, { limit: 1 }), refused)
  for (const n of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.rejects(sorted.top('b', n), refused)
    await t.rejects(sorted.top('b', 1, { skip: n }), refused)
    await t.rejects(sorted.range('b', 0, 1, { limit: n }), refused)
    await t.rejects(sorted.range('b', 0, 1, { limit: 1, skip: n }), refused)
  }
  const key = 'shop:{0}:sorted:sold:b'
  await t.rejects(sorted.add('b', 'a', Number.MAX_VALUE), { code: 'LOCKSTEP_REDIS_VALUE', key })
  t.equal(await sorted.score('b', 'a'), Number.MAX_VALUE, 'a sum that is not finite is not kept')
  await raw.zadd(key, '+inf', 'foreign')
  await t.rejects(sorted.top('b', 1), { code: 'LOCKSTEP_REDIS_VALUE', key })
  await t.rejects(sorted.score('b', 'foreign'), { code: 'LOCKSTEP_REDIS_VALUE', key })
})
