import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { leftOf, treeOf, until } from './processes.ts'

const run = fileURLToPath(new URL('../../../scripts/run.mjs', import.meta.url))
const program = fileURLToPath(new URL('./fixtures/program.ts', import.meta.url))

/** Runs run.mjs, below a shell that does not pass signals on when `below` says so. */
function start(args: string[], below: 'nothing' | 'a shell' = 'nothing') {
  const words = [process.execPath, run, program, ...args]
  const command = below === 'nothing' ? words : ['sh', '-c', '"$@"; exit $?', 'sh', ...words]
  const [first = '', ...rest] = command
  const child: ChildProcess = spawn(first, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = { text: '' }
  child.stdout?.on('data', (chunk: Buffer) => (said.text += chunk.toString()))
  return { child, said, up: () => until(() => said.text.includes('\n')) }
}

await test('arguments and status pass through, on the Node of the project', async (t) => {
  const { child, said } = start(['7', 'a b', '--flag'])
  const [code] = await once(child, 'close')
  t.equal(code, 7)
  t.match(JSON.parse(said.text), { rest: ['a b', '--flag'], cache: /\.lockstep\/compile-cache$/ })
})

await test('a signal is passed on once, though it may arrive twice', async (t) => {
  const { child, said, up } = start(['stay'])
  t.ok(await up())
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  child.kill('SIGHUP')
  t.ok(await until(() => /SIGINT|SIGHUP/.test(said.text)))
  child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 350))
  child.kill('SIGTERM')
  const [code] = await exit
  t.equal(code, 9)
  t.equal(said.text.trim().split('\n').length, 2, 'one line for itself, one for the first signal')
})

await test('a kill of run.mjs ends the program', async (t) => {
  const { child, up } = start(['stay'])
  t.ok(await up())
  const tree = treeOf(child.pid ?? 0)
  t.equal(tree.length, 2)
  child.kill('SIGKILL')
  t.same(await leftOf(tree), [])
})

await test('a kill of the shell above run.mjs ends both', async (t) => {
  const { child, up } = start(['stay'], 'a shell')
  t.ok(await up())
  const tree = treeOf(child.pid ?? 0)
  t.equal(tree.length, 3)
  child.kill('SIGKILL')
  t.same(await leftOf(tree), [])
})

await test('without a program it says how it is used', async (t) => {
  const child = spawn(process.execPath, [run], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [said] = await once(child.stderr, 'data')
  t.match(String(said), /Usage: node scripts\/run\.mjs ENTRY/)
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
  t.equal(code, 1)
})
