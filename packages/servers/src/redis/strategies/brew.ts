import { programAt } from '../program.ts'
import { lastLine, type Strategy, succeeds } from '../strategy.ts'

/** Homebrew's package; installing it starts no service. */
export const brew: Strategy = {
  name: 'brew',
  available: async (here) => here.platform === 'darwin' && succeeds(here, 'brew', '--version'),
  async obtain(here) {
    here.report('Installing redis with brew (once; this can take a minute)…')
    const installed = await here.run('brew', ['install', '--quiet', 'redis'], { signal: here.signal })
    const prefix = await here.run('brew', ['--prefix', 'redis'], { signal: here.signal })
    const found = await programAt(here, `${prefix.output.trim()}/bin/redis-server`)
    if ('failed' in found && installed.code !== 0) return { failed: lastLine(installed.output) }
    return found
  },
}
