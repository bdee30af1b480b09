import { programAt } from '../program.ts'
import { lastLine, type Strategy, succeeds } from '../strategy.ts'

/** Prints the path of the program, as its last line; the package is somewhere on the PATH `npm exec` sets. */
const script = `
const { existsSync, realpathSync } = require('node:fs')
const bin = process.env.PATH.split(':').map((folder) => folder + '/redis-memory-server').find(existsSync)
const { RedisBinary } = require(require('node:path').join(realpathSync(bin), '../../lib/index.js'))
RedisBinary.getPath().then(console.log, (error) => { console.log(error.message); process.exit(1) })
`

/** What redis-memory-server downloads and compiles. Fetched on demand, as hardly anyone gets this far; kept. */
export const memoryServer: Strategy = {
  name: 'redis-memory-server',
  available: async (here) =>
    (await succeeds(here, 'make', '--version')) && succeeds(here, 'npm', '--version'),
  async obtain(here) {
    const kept = `${here.keep}/stable/redis-server`
    if (here.fileExists(kept)) return programAt(here, kept)
    here.report('Building Redis from source with redis-memory-server (once; this can take some minutes)…')
    const env = { ...here.env, REDISMS_DOWNLOAD_DIR: here.keep, REDISMS_DISABLE_POSTINSTALL: '1' }
    const words = ['exec', '--yes', '--package', 'redis-memory-server', '--', 'node', '-e', script]
    const built = await here.run('npm', words, { env, signal: here.signal })
    if (built.code !== 0) return { failed: lastLine(built.output) }
    return programAt(here, lastLine(built.output))
  },
}
