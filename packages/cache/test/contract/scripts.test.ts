import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { candidates } from '../../src/redis/candidates.ts'
import * as scripts from '../../src/redis/scripts.ts'

const folder = new URL('../../src/redis/lua/', import.meta.url)
const read = (name: string) => readFileSync(new URL(`${name}.lua`, folder), 'utf8')
const declared = Object.values(scripts)

/** How many places a list of keys or arguments has; Infinity when some of it repeats. */
const places = (list: string) => (list.includes('...') ? Number.POSITIVE_INFINITY : list.split(' ').length)

await test('every script file is declared, and opens with what its declaration says', async (t) => {
  const files = readdirSync(folder).map((file) => file.replace('.lua', ''))
  t.same(files.toSorted(), [...declared.map(({ name }) => name), 'prelude'].toSorted())
  for (const { name, keys, args } of declared) {
    const lines = read(name).split('\n')
    t.match(lines[0], /^#!lua( flags=allow-oom)?$/, `${name} says how it runs`)
    t.match(lines[1], new RegExp(`^-- ${name}: `), `${name} says what it is`)
    t.same([lines[2], lines[3]], [`-- KEYS ${keys}`, `-- ARGV ${args}`], `${name} says what it takes`)
    t.match(lines[4], /^-- Returns /, `${name} says what it returns`)
    const body = lines.filter((line) => !line.startsWith('--')).join('\n')
    for (const [used, list, place] of body.matchAll(/\b(KEYS|ARGV)\[(\d+)\]/g)) {
      t.ok(Number(place) <= places(list === 'KEYS' ? keys : args), `${name} declares ${used}`)
    }
  }
})

await test('what the prelude takes stands first in every script that knows the head', async (t) => {
  const control = 'head log markers server intents replicas'
  for (const { name, keys, args } of declared) {
    const body = read(name)
    if (!/read_head|head_here/.test(body)) continue
    t.ok(keys.startsWith(control), name)
    const publishes = /\b(invalidate|publish)\(/.test(body)
    t.ok(args.startsWith(publishes ? 'incarnation token publish channel lead' : 'incarnation token'), name)
  }
})

await test('the prelude goes behind the first line', async (t) => {
  for (const { name, lua, sha1 } of declared) {
    const own = read(name)
    const [first = ''] = own.split('\n')
    t.equal(lua, `${first}\n${read('prelude')}${own.slice(first.length + 1)}`)
    t.match(sha1, /^[0-9a-f]{40}$/)
  }
})

await test('those that must run when memory is full say so, the others are refused before they begin', async (t) => {
  const refused = declared.filter(({ lua }) => lua.startsWith('#!lua\n')).map(({ name }) => name)
  t.same(refused.toSorted(), ['fill', 'lease', 'set'])
})

await test('candidates are never the same twice, and what scripts can take', async (t) => {
  const next = candidates()
  const many = Array.from({ length: 1000 }, next)
  t.equal(new Set(many.map(([incarnation]) => incarnation)).size, 1000)
  t.equal(new Set(many.map(([, token]) => token)).size, 1000)
  for (const [incarnation, token] of many) {
    if (!Number.isSafeInteger(incarnation) || !/^[\w-]{16}$/.test(token)) t.fail(`${incarnation} ${token}`)
  }
})
