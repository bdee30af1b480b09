import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { settingsDocument } from '../src/settings.ts'

await test('C2 K10 docs/settings.md is what the schemas say', async (t) => {
  const written = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8')
  t.equal(written, settingsDocument(), 'run npm run docs:settings')
})
