import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The leash of packages/servers for the time before dependencies are there: plain JavaScript on any Node.
 * What is started here, and all its children, end when this process does, however it ends.
 */

const leash = new URL('../../packages/servers/src/leash/', import.meta.url)
const graceSeconds = 5

/**
 * Runs a command to its end, with its output kept.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, signal?: AbortSignal }} options aborting ends the command and its children
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export function runLeashed(command, args, { cwd, signal }) {
  const script = openSync(fileURLToPath(new URL('leash.sh', leash)), 'r')
  const child = spawn('sh', ['-s', '--', 'TERM', String(graceSeconds), command, ...args], {
    cwd,
    detached: true,
    stdio: [script, 'pipe', 'pipe', 'pipe'],
  })
  closeSync(script)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  child.stdio[3].on('error', () => {}).resume()
  const letGo = () => child.stdio[3].destroy()
  signal?.addEventListener('abort', letGo, { once: true })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => killGroup(child.pid))
    child.once('close', (code) => {
      signal?.removeEventListener('abort', letGo)
      resolve({ code, output })
    })
  })
}

function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

/**
 * Starts a Node program in this terminal, but in a session of its own: signals of the terminal reach us alone, and
 * we pass each on once.
 *
 * @param {string} node the Node to run it with
 * @param {string[]} args the program and its arguments
 * @param {{ [name: string]: string | undefined }} env
 */
export function startLeashedNode(node, args, env) {
  const child = spawn(node, ['--import', new URL('preload.mjs', leash).href, ...args], {
    detached: true,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...env, LOCKSTEP_LEASH: '3' },
  })
  child.stdio[3].on('error', () => {})
  return child
}
