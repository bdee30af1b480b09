/**
 * Runs a program of this project on the Node it is written for, on any machine with Node 20 and npm:
 *
 *   node scripts/run.mjs packages/fleet/src/main.ts [argument...]
 *
 * Dependencies are installed first when they are not there. The program ends when this process does.
 */
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { watchAncestors } from './lib/ancestors.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { startLeashedNode } from './lib/leashed.mjs'
import { unsuitable } from './lib/platform.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
/** One Ctrl-C arrives twice, from the terminal and from npm, a moment apart. */
const sameKeystroke = 300

const [entry, ...args] = process.argv.slice(2)
const obstacle = entry === undefined ? 'Usage: node scripts/run.mjs ENTRY [ARGUMENT...]' : unsuitable(process)
if (obstacle !== undefined) {
  process.stderr.write(`${obstacle}\n`)
  process.exit(1)
}

const stop = new AbortController()
let passOn = (signal) => stop.abort(signal)
let last = -sameKeystroke
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    const now = performance.now()
    if (now - last >= sameKeystroke) passOn(signal)
    last = now
  })
}
watchAncestors(() => passOn('SIGTERM'))

try {
  await ensureDependencies({ root, signal: stop.signal })
} catch (error) {
  if (stop.signal.aborted) process.stdout.write('Stopped.\n')
  else process.stderr.write(`${error.message}\n`)
  process.exit(stop.signal.aborted ? 128 + constants.signals[stop.signal.reason] : 1)
}

const installed = join(root, 'node_modules/.bin/node')
const home = process.env.LOCKSTEP_HOME ?? join(root, '.lockstep')
const env = { ...process.env, NODE_COMPILE_CACHE: join(home, 'compile-cache') }
const node = existsSync(installed) ? installed : process.execPath
const child = startLeashedNode(node, [resolve(root, entry), ...args], env)
passOn = (signal) => child.kill(signal)
child.once('error', (error) => {
  process.stderr.write(`Cannot run ${node}: ${error.message}\n`)
  process.exit(1)
})
child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
