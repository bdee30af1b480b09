import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { faultCodes } from '../src/import/fault.ts'

await test('the table of faults in the documentation is the one in the code, both ways', async (t) => {
  const readme = readFileSync(new URL('../src/import/README.md', import.meta.url), 'utf8')
  const documented = [...readme.matchAll(/^\| `(LOCKSTEP_IMPORT_\w+)` *\| (.*?) *\|$/gm)].map(
    ([, code, meaning]) => [code, meaning?.toLowerCase()],
  )
  t.same(
    documented,
    Object.entries(faultCodes).map(([code, meaning]) => [code, meaning.toLowerCase()]),
  )
})
