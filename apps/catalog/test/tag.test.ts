import { test } from 'tap'
import { parseTag } from '../src/tags/tag.ts'

await test('D3 a tag has one form, however it is written', (t) => {
  for (const [given, tag] of [
    ['noir', 'noir'],
    ['  Magic \u00a0 Realism ', 'magic realism'],
    ['CAFE\u0301', 'caf\u00e9'],
    ['\u00c9TE\u0301', '\u00e9t\u00e9'],
    ['Ö', 'ö'],
    ['İstanbul', 'i̇stanbul'],
    ['推理', '推理'],
    ['👩‍🚀', '👩‍🚀'],
    ['a/b?c#d&e=f%g', 'a/b?c#d&e=f%g'],
    ['*', '*'],
    ['x'.repeat(40), 'x'.repeat(40)],
    ['📚'.repeat(40), '📚'.repeat(40)],
  ] as const) {
    t.equal(parseTag(given), tag, JSON.stringify(given))
    t.equal(parseTag(tag), tag, 'and that form is its own')
  }
  t.end()
})

await test('D3 what is no tag', (t) => {
  for (const given of [
    '',
    ' ',
    '\u00a0\u2003',
    'x'.repeat(41),
    'a\u0000b',
    'a\nb',
    'a\tb',
    '\u007f',
    'a\u0085b',
    'a\u2028b',
    '\ud800',
    'abc\u202edef',
  ]) {
    t.equal(parseTag(given), undefined, `${given.length} characters from ${given.codePointAt(0)}`)
  }
  t.end()
})
