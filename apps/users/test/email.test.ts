import { test } from 'tap'
import { emailOf, parseEmail } from '../src/accounts/email.ts'

await test('A1 all spellings of an address are one', async (t) => {
  const spellings: [string, string][] = [
    ['ada@example.org', 'ada@example.org'],
    ['  Ada@Example.ORG\n', 'ada@example.org'],
    ['MÜLLER@BÜCHER.example', 'müller@xn--bcher-kva.example'],
    ['mu\u0308ller@xn--bcher-kva.example', 'müller@xn--bcher-kva.example'],
    ['first.last+tag@sub.example.co.uk', 'first.last+tag@sub.example.co.uk'],
    ['ADA@ｅxample.org', 'ada@example.org'],
    ['İ@example.org', 'i̇@example.org'],
  ]
  for (const [text, key] of spellings) {
    const email = parseEmail(text)
    t.equal(email?.key, key, JSON.stringify(text))
    t.equal(email?.address, text.trim().normalize('NFC'))
    t.equal(parseEmail(email?.address ?? '')?.key, key, 'what is stored is read the same')
    t.equal(parseEmail(key)?.key, key, 'and so is a key')
  }
})

await test('what is no address', async (t) => {
  for (const text of [
    '',
    '@',
    'ada',
    'ada@',
    '@example.org',
    'ada@example',
    'ada@localhost',
    'ada@127.0.0.1',
    'ada@[127.0.0.1]',
    'ada@0x7f.1',
    'ada@exam ple.org',
    'a da@example.org',
    'ada@eve@example.org',
    '"ada eve"@example.org',
    'ada<eve@example.org>',
    'ada,eve@example.org',
    '.ada@example.org',
    'ada.@example.org',
    'a..da@example.org',
    'ada@-example.org',
    'ada@example-.org',
    'ada@.org',
    'ada@example..org',
    'ada@example.org/path',
    'ada@example.org%00',
    'a\u0000da@example.org',
    'a\u200bda@example.org',
    'a\u00adda@example.org',
    'a\u202eda@example.org',
    '\ud800@example.org',
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a'.repeat(64)}.org`,
    `ada@${'a.'.repeat(125)}org`,
  ]) {
    t.equal(parseEmail(text), undefined, JSON.stringify(text).slice(0, 60))
  }
  t.throws(() => emailOf('nobody'), TypeError)
})
