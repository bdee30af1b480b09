import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { leftOf, treeOf, until } from './processes.ts'

const library = fileURLToPath(new URL('../../../scripts/lib/dependencies.mjs', import.meta.url))

/** A checkout with one dependency, and an npm that is a script of ours: no network is needed. */
function checkout(t: { teardown(remove: () => void): void }, npm: string): string {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-checkout-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  lock(root, '1.0.0')
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'bin/npm'), `#!/bin/sh\necho "$@" >> runs\n${npm}\n`)
  chmodSync(join(root, 'bin/npm'), 0o755)
  return root
}

function lock(root: string, version: string): void {
  const packages = {
    '': {},
    'node_modules/one': { version },
    'node_modules/other': { version, optional: true },
  }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }))
}

function install(root: string, version: string): void {
  mkdirSync(join(root, 'node_modules/one'), { recursive: true })
  writeFileSync(join(root, 'node_modules/one/package.json'), JSON.stringify({ version }))
  writeFileSync(join(root, 'node_modules/.package-lock.json'), '{}')
}

function ensure(root: string) {
  const script = `import { ensureDependencies } from ${JSON.stringify(library)}; await ensureDependencies({ root: ${JSON.stringify(root)} })`
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH']}` }
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { text: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said.text += String(chunk)))
  return { child, said, ended: once(child, 'close') }
}

const runs = (root: string): number =>
  existsSync(join(root, 'runs')) ? readFileSync(join(root, 'runs'), 'utf8').trim().split('\n').length : 0

const npmThatInstalls = `mkdir -p node_modules/one
echo '{"version":"1.0.0"}' > node_modules/one/package.json; echo '{}' > node_modules/.package-lock.json`

await test('a first start installs, with a word; the next does not', async (t) => {
  const root = checkout(t, npmThatInstalls)
  const first = ensure(root)
  await first.ended
  t.match(
    first.said.text,
    /^Installing dependencies \(first start\)…\n✓ Dependencies installed \(\d+\.\d s\)\n$/,
  )
  t.match(readFileSync(join(root, 'runs'), 'utf8'), /^ci --include=dev/)
  const second = ensure(root)
  await second.ended
  t.equal(second.said.text, '')
  t.equal(runs(root), 1)
  lock(root, '1.0.1')
  const third = ensure(root)
  await third.ended
  t.match(third.said.text, /package-lock\.json has changed/)
  t.equal(runs(root), 2)
})

await test('what was installed by hand is taken when it is in step with the lock', async (t) => {
  const root = checkout(t, npmThatInstalls)
  install(root, '1.0.0')
  await ensure(root).ended
  t.equal(runs(root), 0)
  const other = checkout(t, npmThatInstalls)
  install(other, '0.9.0')
  await ensure(other).ended
  t.equal(runs(other), 1, 'and done again when it is not')
})

await test('an install that fails shows what npm said', async (t) => {
  const root = checkout(t, 'echo "npm error the reason" >&2; exit 1')
  const { said, child, ended } = ensure(root)
  await ended
  t.not(child.exitCode, 0)
  t.match(said.text, /npm error the reason/)
})

await test('an install cut short by a kill leaves no process, and is done again', async (t) => {
  const root = checkout(
    t,
    'mkdir -p node_modules/one; [ -e cut ] || exit 0; rm -r node_modules/one; sleep 600 & wait',
  )
  await ensure(root).ended
  writeFileSync(join(root, 'cut'), '')
  lock(root, '1.0.1')
  const { child } = ensure(root)
  t.ok(await until(() => runs(root) === 2 && !existsSync(join(root, 'node_modules/one'))))
  const tree = treeOf(child.pid ?? 0)
  t.ok(tree.length >= 4)
  child.kill('SIGKILL')
  t.same(await leftOf(tree), [])
  rmSync(join(root, 'cut'))
  lock(root, '1.0.0')
  await ensure(root).ended
  t.equal(runs(root), 3, 'also when the lock is again the one of the install before')
})
