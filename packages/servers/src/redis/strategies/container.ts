import { lastLine, type RedisServer, type Strategy, type Surroundings, succeeds } from '../strategy.ts'

const image = 'docker.io/library/redis:7-alpine'

/** A container engine whose daemon really answers: a client alone is on many machines. */
export const container: Strategy = {
  name: 'container engine',
  available: async (here) => (await engineOf(here)) !== undefined,
  async obtain(here) {
    const engine = await engineOf(here)
    if (engine === undefined) return { failed: 'no container engine answers' }
    if (!(await succeeds(here, engine, 'image', 'inspect', image))) {
      here.report(`Pulling ${image} with ${engine} (once)…`)
      const pulled = await here.run(engine, ['pull', '--quiet', image], { signal: here.signal })
      if (pulled.code !== 0) return { failed: lastLine(pulled.output) }
    }
    return served(engine)
  },
}

/** In the foreground and removed at its end: the engine's client passes SIGTERM on, so the leash holds it too. */
function served(engine: string): RedisServer {
  return {
    description: `${image} in ${engine}`,
    launch: (port, settings) => ({
      command: engine,
      args: ['run', '--rm', '--publish', `127.0.0.1:${port}:6379`, image]
        .concat(['redis-server', '--protected-mode', 'no'])
        .concat(settings),
    }),
  }
}

async function engineOf(here: Surroundings): Promise<string | undefined> {
  if (await succeeds(here, 'docker', 'info')) return 'docker'
  if (await succeeds(here, 'podman', 'info')) return 'podman'
  return undefined
}
