import { test } from 'tap'
import { isEntryId } from '../src/index.ts'
import { openBoth } from './links.ts'
import { openAll } from './structures.ts'

const KEY = 'shop:{0}:feed:events:17'

await test('a feed is read from where one was', async (t) => {
  const { link } = await openBoth(t)
  const { feed } = openAll(link)
  t.same(await feed.after('17', undefined, 10), [])
  t.equal(await feed.last('17'), undefined)
  const ids: string[] = []
  for (const value of ['a', 'b', 'c', 'd', 'e']) ids.push((await feed.append('17', value)) ?? '')
  const valuesAfter = async (id: string | undefined, limit: number) =>
    (await feed.after('17', id, limit)).map(({ value }) => value)
  t.same(await valuesAfter(undefined, 2), ['a', 'b'])
  t.same(await valuesAfter(ids[1], 2), ['c', 'd'])
  t.same(await valuesAfter(ids[4], 2), [])
  t.same(await valuesAfter('0-0', 9), ['a', 'b', 'c', 'd', 'e'])
  t.same(await valuesAfter('00-1', 1), ['a'])
  t.same(await valuesAfter('18446744073709551614-18446744073709551614', 1), [])
  t.same(await valuesAfter(ids[0], 0), [])
  t.same(await feed.last('17'), { id: ids[4], value: 'e' })
  await feed.append('17', 'f')
  t.same(await valuesAfter(undefined, 9), ['b', 'c', 'd', 'e', 'f'], 'the oldest makes room')
  t.same(await valuesAfter(ids[0], 9), ['b', 'c', 'd', 'e', 'f'], 'also after an entry that is gone')
})

await test('a feed refuses ids and limits that are none', async (t) => {
  const { link } = await openBoth(t)
  const { feed } = openAll(link)
  const refused = { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' }
  const texts = [
    '',
    '-',
    '+',
    '$',
    '(1-1',
    '1',
    '1-',
    '1-1-1',
    '1-x',
    ' 1-1',
    '1-1\n',
    '18446744073709551615-0',
  ]
  for (const text of [...texts, '0-18446744073709551616', `${'9'.repeat(20)}-0`, `${'9'.repeat(21)}-0`]) {
    t.equal(isEntryId(text), false, text)
    await t.rejects(feed.after('17', text, 1), refused, text)
  }
  for (const limit of [-1, 1.5, Number.NaN]) await t.rejects(feed.after('17', '1-1', limit), refused)
})

await test('an entry that is not ours, or that decode refuses, is an error', async (t) => {
  const { link, raw } = await openBoth(t)
  const { feed } = openAll(link)
  const foreign = { code: 'LOCKSTEP_REDIS_VALUE', key: KEY }
  for (const [field, text] of [
    ['other', '"x"'],
    ['value', '{"a":1}'],
    ['value', 'no JSON'],
  ] as const) {
    await raw.xadd(KEY, '*', field, text)
    await t.rejects(feed.after('17', undefined, 1), foreign)
    await t.rejects(feed.last('17'), foreign)
    await raw.del(KEY)
  }
})
