import { readFileSync } from 'node:fs'
import { test } from 'tap'
import * as scripts from '../../src/session/scripts.ts'

await test('the header of each script says what its declaration says', async (t) => {
  for (const { name, keys, args } of Object.values(scripts)) {
    const text = readFileSync(new URL(`../../src/session/lua/${name}.lua`, import.meta.url), 'utf8')
    const said = /^#!lua.*\n-- ([\w-]+): .*(?:\n--.*)*?\n-- KEYS (.*)\n-- ARGV ?(.*)\n-- Returns /.exec(text)
    t.same(said?.slice(1), [name, keys, args], name)
  }
})
