import { test } from 'tap'
import { openBoth } from './links.ts'
import { openAll } from './structures.ts'

const KEY = 'shop:{0}:hash:profile:17'

await test('D1 an object by fields', async (t) => {
  const { link } = await openBoth(t)
  const { hash } = openAll(link)
  t.equal(await hash.all('17'), undefined)
  t.equal(await hash.get('17', 'name'), undefined)
  await hash.set('17', { name: 'Ann', seen: 5 })
  t.equal(await hash.increment('17', 'logins'), 1)
  t.equal(await hash.increment('17', 'logins', 4), 5)
  t.equal(await hash.increment('17', 'logins', -2), 3)
  t.same(await hash.all('17'), { name: 'Ann', seen: 5, logins: 3 })
  await hash.set('17', { name: 'grüße' })
  t.same(await hash.all('17'), { name: 'grüße', seen: 5, logins: 3 }, 'the others stay')
  const name: string | undefined = await hash.get('17', 'name')
  const logins: number | undefined = await hash.get('17', 'logins')
  t.same([name, logins], ['grüße', 3])
  t.equal(await hash.has('17', 'seen'), true)
  t.equal(await hash.removeField('17', 'seen'), true)
  t.equal(await hash.removeField('17', 'seen'), false)
  t.equal(await hash.has('17', 'seen'), false)
  await hash.set('17', {})
  t.same(await hash.all('17'), { name: 'grüße', logins: 3 })
  t.equal(await hash.all('18'), undefined, 'each id has its own')
  t.equal(await hash.remove('17'), true)
  t.equal(await hash.remove('17'), false)
  await hash.set('17', { name: '' })
  t.same(await hash.all('17'), { name: '' })
})

await test('D1 no two increments give the same number', async (t) => {
  const { link } = await openBoth(t)
  const { hash } = openAll(link)
  const counts = await Promise.all(Array.from({ length: 100 }, () => hash.increment('17', 'logins')))
  t.equal(new Set(counts).size, 100)
  t.equal(await hash.get('17', 'logins'), 100)
})

await test('D1 whole numbers are exact, or refused', async (t) => {
  const { link, raw } = await openBoth(t)
  const { hash } = openAll(link)
  const most = Number.MAX_SAFE_INTEGER
  for (const seen of [0, -1, most, -most]) {
    await hash.set('17', { seen })
    t.equal(await hash.get('17', 'seen'), seen)
  }
  for (const seen of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    await t.rejects(hash.set('18', { seen }), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
    await t.rejects(hash.increment('18', 'seen', seen), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
  }
  for (const wrong of ['{"nobody":"x"}', '{"name":1}', '{"seen":"1"}', '{"toString":"x"}', '{"name":null}']) {
    await t.rejects(hash.set('18', JSON.parse(wrong)), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' }, wrong)
  }
  t.equal(await hash.all('18'), undefined, 'nothing was sent')

  await hash.set('17', { name: 'Ann', logins: most })
  const foreign = { code: 'LOCKSTEP_REDIS_VALUE', key: KEY }
  await t.rejects(hash.increment('17', 'logins', 2), foreign)
  for (const text of ['9007199254740993', '9223372036854775807', '1.5', '1e3', '', 'x', '0x10', ' 1']) {
    await raw.hset(KEY, 'logins', text)
    await t.rejects(hash.all('17'), { ...foreign, message: /logins/ }, text)
    await t.rejects(hash.get('17', 'logins'), foreign, text)
    t.equal(await hash.get('17', 'name'), 'Ann', 'the other fields can be read')
  }
  await raw.hset(KEY, 'logins', 'x')
  await t.rejects(hash.increment('17', 'logins'), foreign)
  await raw.hset(KEY, 'logins', '9223372036854775807')
  await t.rejects(hash.increment('17', 'logins'), { ...foreign, cause: /overflow/ })
  await raw.hset(KEY, 'logins', '7', 'extra', 'x')
  t.same(await hash.all('17'), { name: 'Ann', logins: 7, seen: -most }, 'fields of others are not looked at')
})
