import { join } from 'node:path'
import process from 'node:process'
import { openCaches } from './command/open-caches.ts'
import { runImport } from './command/run.ts'
import { codeOf, messageOf } from './fault.ts'

/** Where the fleet keeps its addresses and data, unless `LOCKSTEP_HOME` names another folder. */
const home = join(import.meta.dirname, '../../../../.lockstep')

/** Stands for a person's Ctrl-C, as a shell says it. */
const INTERRUPTED = 130

const stop = new AbortController()
process.on('SIGINT', () => stop.abort())
process.on('SIGTERM', () => stop.abort())

try {
  const ending = await runImport({
    args: process.argv.slice(2),
    env: process.env,
    // npm runs a script in the root and keeps where the person is in INIT_CWD.
    folder: process.env['INIT_CWD'] ?? process.cwd(),
    home: process.env['LOCKSTEP_HOME'] || home,
    output: process.stdout,
    now: () => performance.now(),
    signal: stop.signal,
    openCaches: (redisUrl, database) => openCaches(process.env, redisUrl, database),
  })
  if (ending === 'stopped') {
    process.stderr.write('Stopped before the end of the file: the same command completes it\n')
    process.exitCode = INTERRUPTED
  }
} catch (error) {
  process.stderr.write(`${codeOf(error) || 'Error'}: ${messageOf(error)}\n`)
  process.exitCode = 1
}
