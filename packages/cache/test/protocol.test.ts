import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import { History } from '../src/protocol/history.ts'
import { MAX_MARKERS, Markers, markersOf } from '../src/protocol/markers.ts'
import { decodeChange, decodeMessage, encodeChange, encodeFilled } from '../src/protocol/wire.ts'
import { changeAt, headAt } from './view.ts'

const decode = (payload: string) => decodeMessage('shop', ['shop:{0}:', 'shop:{1}:'], payload)

const GOLDEN =
  '{"v":2,"ns":"shop","shard":0,"inc":123456789,"seq":17,"prev":"p","token":"t","origin":"replica-1","ack":1,' +
  '"keys":["books:v1:42"],"tags":["author:7"],"prefixes":["books:v1:list:"],"caches":["films:v2"]}'

await test('the format of a change does not change unnoticed', async (t) => {
  const change = {
    incarnation: 123_456_789,
    seq: 17,
    previous: 'p',
    token: 't',
    origin: 'replica-1',
    acknowledge: true,
    keys: ['books:v1:42'],
    tags: ['author:7'],
    prefixes: ['books:v1:list:'],
    caches: ['films:v2'],
  }
  t.equal(encodeChange('shop', 0, change), GOLDEN)
  t.same(decode(GOLDEN), { kind: 'change', shard: 0, change })
  t.same(decodeChange(GOLDEN), change)
  const plain = { ...change, acknowledge: false, keys: [], tags: [], prefixes: [], caches: [] }
  const short =
    '{"v":2,"ns":"shop","shard":3,"inc":123456789,"seq":17,"prev":"p","token":"t","origin":"replica-1"}'
  t.equal(encodeChange('shop', 3, plain), short)
  t.same(decode(short), { kind: 'change', shard: 3, change: plain })
})

await test('the format of word that a load has ended', async (t) => {
  const golden = '{"v":2,"ns":"shop","shard":1,"filled":["books:v1:42"]}'
  t.equal(encodeFilled('shop', 1, ['books:v1:42']), golden)
  t.same(decode(golden), { kind: 'filled', names: ['books:v1:42'] })
})

await test('names with quotes, line ends and letters of all kinds survive', async (t) => {
  const names = ['books:v1:"x"\n', 'books:v1:日本', 'books:v1:\\']
  const change = changeAt(1, { keys: names, origin: '"o"' })
  t.same(decode(encodeChange('shop', 0, change)), { kind: 'change', shard: 0, change })
})

await test('P5 anything else is a plain key, with or without our prefix', async (t) => {
  for (const payload of ['books:v1:42', 'shop:{0}:books:v1:42', 'shop:{1}:books:v1:42']) {
    t.same(decode(payload), { kind: 'plain', name: 'books:v1:42' })
  }
  for (const payload of ['{not json', '{"some":"json"}', '', '[]', 'null', '{"v":"2","ns":"shop"}']) {
    t.same(decode(payload), { kind: 'plain', name: payload })
  }
})

await test('other namespaces, and formats to come', async (t) => {
  t.same(decode(GOLDEN.replace('"shop"', '"bank"')), { kind: 'foreign' })
  t.same(decode('{"v":3,"ns":"shop","what":"?"}'), { kind: 'unknown-format', version: 3 })
  for (const [right, wrong] of [
    ['"seq":17', '"seq":0'],
    ['"seq":17', '"seq":1.5'],
    ['"inc":123456789', '"inc":-1'],
    ['"keys":["books:v1:42"]', '"keys":"books:v1:42"'],
    ['"token":"t",', ''],
  ] as const) {
    t.same(decode(GOLDEN.replace(right, wrong)), { kind: 'unknown-format', version: 2 }, wrong || right)
    t.equal(decodeChange(GOLDEN.replace(right, wrong)), undefined)
  }
})

await test('a history remembers the tokens on its way, for a while', async (t) => {
  const history = new History()
  t.same([history.incarnation, history.applied, history.token], [-1, -1, ''])
  history.begin(headAt(5))
  t.same(
    [history.applied, history.token, history.contradicts(5, 'other'), history.contradicts(4, 'x')],
    [5, 't5', true, false],
  )
  for (let seq = 6; seq <= 300; seq++) history.advance(changeAt(seq))
  t.equal(history.token, 't300')
  t.same(
    [history.contradicts(45, 'x'), history.contradicts(44, 'x'), history.contradicts(45, 't45')],
    [true, false, false],
  )
  history.forget()
  t.same([history.applied, history.contradicts(300, 'x')], [-1, false])
})

const book = { name: 'books:v1:42', cache: 'books:v1', tags: ['author:7', 'new'] }

await test('a marker covers what was stamped before it: by tag, prefix and cache', async (t) => {
  for (const what of [{ tags: ['new'] }, { prefixes: ['books:v1:4'] }, { caches: ['books:v1'] }]) {
    const markers = new Markers()
    markers.set({ ...changeAt(1), keys: [], ...what }, 10)
    t.same(
      [9, 10, 11].map((stamp) => markers.cover(book, stamp)),
      [true, false, false],
      JSON.stringify(what),
    )
    t.equal(markers.cover({ name: 'films:v1:42', cache: 'films:v1', tags: ['old'] }, 0), false)
  }
  t.same(markersOf({ keys: ['k'], tags: ['a'], prefixes: ['b:'], caches: ['c:v1'] }), [
    't:a',
    'p:b:',
    'c:c:v1',
  ])
})

await test('markers never go back, and a load replaces them', async (t) => {
  const markers = new Markers()
  const set = (seq: number) => markers.set({ keys: [], tags: ['new'], prefixes: [], caches: [] }, seq)
  set(10)
  set(5)
  t.equal(markers.cover(book, 9), true)
  markers.load({ seqs: [['t:other', 20]], floor: 3 })
  t.same(
    [2, 3].map((stamp) => markers.cover(book, stamp)),
    [true, false],
  )
})

await test('markers are bounded: the oldest goes, and the floor covers what it covered', async (t) => {
  const markers = new Markers()
  const set = (what: object, seq: number) =>
    markers.set({ keys: [], tags: [], prefixes: [], caches: [], ...what }, seq)
  set({ prefixes: ['books:'] }, 5)
  for (let i = 0; i < MAX_MARKERS - 1; i++) set({ tags: [`tag:${i}`] }, 10 + i)
  const other = { name: 'films:v1:1', cache: 'films:v1', tags: [] }
  t.equal(markers.cover(other, 4), false)
  set({ tags: ['one more'] }, 20_000)
  t.same(
    [4, 5].map((stamp) => markers.cover(other, stamp)),
    [true, false],
    'the floor is where the dropped one stood',
  )
  t.equal(markers.cover(book, 5), false)
})

await test('the oldest marker takes none along that is of another kind, but of the same text', async (t) => {
  const text = 'books:v1'
  for (const older of [{ tags: [text] }, { caches: [text] }]) {
    const markers = new Markers()
    const set = (what: object, seq: number) =>
      markers.set({ keys: [], tags: [], prefixes: [], caches: [], ...what }, seq)
    set(older, 1)
    set({ prefixes: [text] }, 100)
    for (let i = 0; i < MAX_MARKERS - 1; i++) set({ tags: [`tag:${i}`] }, 101 + i)
    t.equal(markers.cover({ name: 'books:v1:42', cache: 'of another text', tags: [] }, 50), true)
  }
})

const CHANGE_OF_ONE = {
  incarnation: 7,
  seq: 2,
  previous: 'prev-_1',
  token: 'tok',
  origin: 'me',
  keys: ['books:v1:1'],
  tags: [],
  prefixes: [],
  caches: [],
}

await test('the message of one entry reads the same by the short way and by JSON', async (t) => {
  const change = { ...CHANGE_OF_ONE, acknowledge: false }
  for (const key of [
    'books:v1:42',
    'books:v1:',
    'b:v1:ñ € \u{1F4D6}',
    'b:v1:"quoted"',
    'b:v1:back\\slash',
    'b:v1:a"],"x":["b',
    'b:v1:\u0007',
  ]) {
    const payload = encodeChange('shop', 3, { ...change, keys: [key] })
    t.same(decode(payload), { kind: 'change', shard: 3, change: decodeChange(payload) }, key)
    t.same(decode(payload), { kind: 'change', shard: 3, change: { ...change, keys: [key] } }, key)
  }
  t.same(decodeMessage('other', [], encodeChange('shop', 0, change)), { kind: 'foreign' })
})

/** What a message becomes, read by JSON alone: nothing that begins so is read the short way. */
const byJson = (payload: string) => decode(payload.replace('{', '{ '))

await test('whatever becomes of a message on its way, the short way reads it as JSON does, or not at all', async (t) => {
  const whole = encodeChange('shop', 3, {
    ...CHANGE_OF_ONE,
    incarnation: 281_474_976_710_655,
    acknowledge: false,
  })
  const letters = [
    '0',
    '9',
    '"',
    '\\',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    '-',
    '.',
    'e',
    ' ',
    '\n',
    '\u0001',
    'a',
    'é',
    '\u{1F4D6}',
    '',
  ]
  let seen = 0
  for (let at = 0; at < whole.length; at++) {
    for (const letter of letters) {
      for (const payload of [
        whole.slice(0, at) + letter + whole.slice(at),
        whole.slice(0, at) + letter + whole.slice(at + 1),
      ]) {
        const [short, long] = [decode(payload), byJson(payload)]
        const same = short.kind === 'plain' ? long.kind === 'plain' : isDeepStrictEqual(short, long)
        if (!same) t.fail(`${payload} is read as ${JSON.stringify(short)}, not ${JSON.stringify(long)}`)
        if (short.kind === 'change') seen++
      }
    }
  }
  t.ok(seen > 1000, `${seen} of them were changes`)
  t.same(decode(whole), byJson(whole))
})

await test('a history that begins anew knows nothing of the one before, nor the tokens that it skipped', async (t) => {
  const history = new History()
  history.begin(headAt(100))
  history.advance(changeAt(101))
  history.begin(headAt(0, { token: 'zero' }))
  t.same([history.token, history.tokenAt(100), history.contradicts(0, 'x')], ['zero', undefined, true])
  history.advance(changeAt(5))
  t.same(
    [history.tokenAt(0), history.tokenAt(3), history.tokenAt(5), history.tokenAt(6)],
    [undefined, undefined, 't5', undefined],
  )
})
