import { fileURLToPath } from 'node:url'
import { stamp, stateOfModules, unstamp } from './installed.mjs'
import { runLeashed } from './leashed.mjs'

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/**
 * Installs the dependencies unless they are there already; then it needs no network and a few milliseconds.
 * Rejects with what npm said when the install fails.
 *
 * @param {{ root?: string, report?: (line: string) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<void>}
 */
export async function ensureDependencies({ root = checkout, report = say, signal } = {}) {
  const state = stateOfModules(root)
  if (state === 'installed') return
  const begun = performance.now()
  report(`Installing dependencies (${state === 'absent' ? 'first start' : 'package-lock.json has changed'})…`)
  unstamp(root)
  const { code, output } = await runLeashed('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    signal,
  })
  signal?.throwIfAborted()
  if (code !== 0) throw new Error(`${output.trimEnd()}\n\`npm ci\` failed; the lines above are its own.`)
  stamp(root)
  report(`✓ Dependencies installed (${((performance.now() - begun) / 1000).toFixed(1)} s)`)
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
