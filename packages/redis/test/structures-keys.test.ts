import { test } from 'tap'
import { openKeys, type RedisLink } from '../src/index.ts'
import { openBoth } from './links.ts'

const refused = { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' }

async function found(link: RedisLink, pattern: string, prefix = 'shop'): Promise<string[]> {
  const all: string[] = []
  for await (const page of openKeys(link, { prefix }).scan(pattern)) all.push(...page)
  return [...new Set(all)].toSorted()
}

await test('D5 scan goes through the keys of the instance that match, and no others', async (t) => {
  const { link, raw } = await openBoth(t)
  const ours = ['list:a:1', 'list:a:2', 'list:b', 'value:list:a:3'].map((name) => `shop:{0}:${name}`)
  const theirs = [
    'list:a:1',
    'shop:list:a:1',
    'shop2:{0}:list:a:1',
    'shop:{1}:list:a:1',
    'other:shop:{0}:list:a:1',
    'shop:{0}x:list:a:1',
  ]
  for (const key of [...ours, ...theirs]) await raw.set(key, 'x')
  t.same(await found(link, '*'), ours.toSorted())
  t.same(await found(link, 'list:a:*'), ours.slice(0, 2))
  t.same(await found(link, 'list:?'), ours.slice(2, 3))
  t.same(await found(link, 'list:[ab]*'), ours.slice(0, 3))
  t.same(await found(link, 'list:a'), [])
  t.same(await found(link, '*', 'sh*p'), [], 'a prefix is no pattern')
  t.same(await found(link, '*', 'sho?'), [])
  t.same(await found(link, '*', '[s]hop'), [])
  for (const pattern of ['', '*'.repeat(257)])
    t.throws(() => openKeys(link, { prefix: 'shop' }).scan(pattern), refused)
})

await test('D5 removal by prefix takes it literally, and goes in batches', async (t) => {
  const { link, raw } = await openBoth(t)
  const keys = openKeys(link, { prefix: 'shop' })
  const many = Array.from({ length: 1200 }, (_, n) => `shop:{0}:list:a:${n}`)
  const others = [
    'shop:{0}:list:b',
    'shop:{0}:list:ab',
    'shop:{0}:value:list:a:1',
    'shop:{0}:value:x}:list:a:1',
    'shop2:{0}:list:a:1',
    'list:a:1',
  ]
  await raw.mset(Object.fromEntries([...many, ...others].map((key) => [key, 'x'])))
  for (const prefix of ['list:?', 'list:[a]', 'list:*', '*', 'list:a:\\', 'nothing', '{0}', ':']) {
    t.equal(await keys.removeByPrefix(prefix), 0, prefix)
  }
  await raw.config('RESETSTAT')
  t.equal(await keys.removeByPrefix('list:a:'), 1200)
  const stats = await raw.info('commandstats')
  const unlinks = Number(/^cmdstat_unlink:calls=(\d+)/m.exec(stats)?.[1])
  t.ok(unlinks >= 3 && unlinks < 100, `${unlinks} commands for 1200 keys`)
  t.notMatch(stats, /cmdstat_(?:keys|del|flush\w*):/)
  t.same((await raw.keys('*')).toSorted(), others.toSorted())
  for (const odd of ['[x]', 'a*b', 'a?b', 'a\\b', 'grüße']) {
    await raw.set(`shop:{0}:${odd}:1`, 'x')
    t.equal(await keys.removeByPrefix(odd), 1, odd)
  }
  for (const prefix of ['', 'x'.repeat(257)]) await t.rejects(keys.removeByPrefix(prefix), refused)
})

await test('D5 flush empties the instance when it is meant, and leaves the records of the cache', async (t) => {
  const { link, raw } = await openBoth(t)
  const keys = openKeys(link, { prefix: 'shop' })
  const ours = ['books:v1:1', 'value:n', 'list:inbox:1', 'lock:state:x'].map((name) => `shop:{0}:${name}`)
  const records = ['head', 'log', 'markers', 'server', 'intents', 'replicas'].map(
    (name) => `shop:{0}:${name}`,
  )
  const kept = [...records, 'shop2:{0}:books:v1:1', 'foreign', 'shop:1']
  for (const key of [...ours, ...kept]) await raw.set(key, 'x')
  for (const confirm of ['', '*', 'sho', 'shop2', 'SHOP', 'yes']) {
    await t.rejects(keys.flush({ confirm }), refused, confirm)
  }
  t.equal((await raw.keys('*')).length, ours.length + kept.length)
  t.equal(await keys.removeByPrefix('head'), 0, 'nor does a prefix remove them')
  t.equal(await keys.flush({ confirm: 'shop' }), ours.length)
  t.same((await raw.keys('*')).toSorted(), kept.toSorted())
  t.equal(await openKeys(link, { prefix: 'sho?' }).flush({ confirm: 'sho?' }), 0)
})

await test('D5 without Redis it says so', async (t) => {
  const { link, redis } = await openBoth(t)
  const keys = openKeys(link, { prefix: 'shop' })
  await redis.kill()
  const away = { code: 'LOCKSTEP_REDIS_UNAVAILABLE' }
  await t.rejects(keys.removeByPrefix('x'), away)
  await t.rejects(keys.flush({ confirm: 'shop' }), away)
  await t.rejects(found(link, '*'), away)
})
