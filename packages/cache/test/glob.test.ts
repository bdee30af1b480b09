import { test } from 'tap'
import { globOf } from '../src/write/glob.ts'

await test('K4 a glob matches as that of Redis does', (t) => {
  const cases: [glob: string, yes: string[], no: string[]][] = [
    ['*', ['', 'a', 'books:v1:42', 'a\nb'], []],
    ['', [''], ['a']],
    ['books:v1:4?', ['books:v1:42', 'books:v1:4é', 'books:v1:4📚'], ['books:v1:4', 'books:v1:421']],
    ['b*2', ['b2', 'books:v1:42'], ['b', 'books:v1:421']],
    ['**a**', ['a', 'ba', 'bab'], ['b']],
    ['[a-c]x', ['ax', 'cx'], ['dx', 'x', '[a-c]x']],
    ['[c-a]x', ['bx'], ['dx']],
    ['[^a-c]x', ['dx'], ['ax']],
    ['[a-]', ['a', '-'], ['b']],
    [String.raw`[\]\-]`, [']', '-'], ['\\', 'a']],
    [String.raw`\*\[\\`, ['*[\\'], ['a[\\']],
    [']{}.+$', [']{}.+$'], ['a']],
    ['*.*:*', ['a.b:c'], ['ab:c']],
  ]
  for (const [glob, yes, no] of cases) {
    const { matches } = globOf(glob)
    for (const name of yes) t.ok(matches(name), `${glob} matches ${name}`)
    for (const name of no) t.notOk(matches(name), `${glob} does not match ${name}`)
  }
  t.end()
})

await test('K4 what every match begins with', (t) => {
  for (const [glob, literal] of [
    ['*', ''],
    ['books:v1:4*2', 'books:v1:4'],
    [String.raw`a\*b?c`, 'a*b'],
    ['a[b]c', 'a'],
    ['abc', 'abc'],
  ] as const) {
    t.equal(globOf(glob).literal, literal, glob)
  }
  t.end()
})

await test('K4 a glob that is not complete is refused', (t) => {
  for (const wrong of ['[', 'a[b', '[]', '[^]', '[a-', 'a\\', String.raw`[a\]`]) {
    t.throws(() => globOf(wrong), { code: 'LOCKSTEP_CACHE_DEFINITION', message: /is not a pattern/ }, wrong)
  }
  t.end()
})

await test('K4 no glob takes long: what would keep the matcher of Redis busy for years', (t) => {
  const { matches } = globOf(`${'a*'.repeat(90)}b`)
  t.notOk(matches('a'.repeat(5000)))
  t.ok(matches(`${'a'.repeat(5000)}b`))
  t.end()
})
