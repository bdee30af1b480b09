import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'

const folder = new URL('../src/lua/', import.meta.url)

await test('every script opens with its keys, arguments and reply, and uses no other', async (t) => {
  const files = readdirSync(folder)
  t.same(files.toSorted(), ['fill.lua', 'invalidate.lua', 'lease.lua'])
  for (const file of files) {
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n')
    const header = lines.filter((line) => line.startsWith('--')).join('\n')
    const body = lines.filter((line) => !line.startsWith('--')).join('\n')
    t.match(header, new RegExp(`^-- ${file.replace('.lua', '')}: `), `${file} says what it is`)
    t.match(header, /-- Returns /, `${file} says what it returns`)
    for (const [used] of body.matchAll(/\b(KEYS|ARGV)\[\d+\]/g)) {
      const list = used.startsWith('KEYS[1]')
        ? /KEYS\[1(\.\.n)?\]/
        : new RegExp(used.replaceAll(/[[\]]/g, '\\$&'))
      t.match(header, list, `${file} declares ${used}`)
    }
  }
})
