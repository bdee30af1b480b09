import { programAt } from '../program.ts'
import { lastLine, type Strategy, type Surroundings, succeeds } from '../strategy.ts'

/**
 * Debian's and Ubuntu's package. It is wanted for its program alone: `RUNLEVEL=1` keeps a classic init from
 * starting its service, and where systemd runs the service is switched off again, unless it was there before.
 */
export const apt: Strategy = {
  name: 'apt-get',

  async available(here) {
    if (here.platform !== 'linux' || !here.fileExists('/usr/bin/apt-get')) return false
    return here.uid === 0 || succeeds(here, 'sudo', '-n', 'true')
  },

  async obtain(here) {
    here.report('Installing redis-server with apt-get (once; this can take a minute)…')
    const serviceWasThere = here.fileExists('/etc/init.d/redis-server')
    // Stale lists may name packages the mirror no longer holds; without a network the lists we have may still do.
    await asRoot(here, 'apt-get', 'update', '-q')
    let installed = await install(here)
    if (installed.output.includes('dpkg --configure -a')) {
      await asRoot(here, 'dpkg', '--configure', '-a')
      installed = await install(here)
    }
    if (!serviceWasThere && here.fileExists('/run/systemd/system')) {
      await asRoot(here, 'systemctl', 'disable', '--now', 'redis-server')
    }
    const found = await programAt(here, '/usr/bin/redis-server')
    if ('failed' in found && installed.code !== 0) return { failed: lastLine(installed.output) }
    return found
  },
}

function install(here: Surroundings) {
  return asRoot(here, 'apt-get', 'install', '-q', '-y', '--no-install-recommends', 'redis-server')
}

function asRoot(here: Surroundings, ...command: string[]) {
  const words = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', ...command]
  const [program = 'env', ...args] = here.uid === 0 ? words : ['sudo', '-n', ...words]
  return here.run(program, args, { signal: here.signal })
}
