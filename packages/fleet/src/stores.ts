import {
  type RedisServer,
  type RunningPostgres,
  type RunningServer,
  startPostgres,
  startRedisServer,
} from '@lockstep/servers'
import { tailOf } from './home.ts'
import type { Supervised } from './supervisor.ts'

/** A supervised server, and its address once it has been started. */
export interface Store<R extends RunningServer> extends Supervised {
  running(): R | undefined
}

interface Place {
  readonly logFile: string
  /** The port of the last start. */
  readonly preferredPort: number | undefined
}

/** A cache has an upper bound; what goes first is what ends by itself, never the keys that hold the cache together. */
const BOUNDED = ['--maxmemory', '256mb', '--maxmemory-policy', 'volatile-lru']

export function redisStore(server: RedisServer, { logFile, preferredPort }: Place): Store<RunningServer> {
  return store('redis', logFile, (port, signal) =>
    startRedisServer({ server, args: BOUNDED, logFile, signal, ...portWish(port, preferredPort) }),
  )
}

export function postgresStore(folder: string, { logFile, preferredPort }: Place): Store<RunningPostgres> {
  return store('postgres', logFile, (port, signal) =>
    startPostgres({ folder, logFile, signal, ...portWish(port, preferredPort) }),
  )
}

/** A server which is restarted on the port it had, as its address has been handed out by then. */
function store<R extends RunningServer>(
  name: string,
  logFile: string,
  start: (port: number | undefined, signal: AbortSignal) => Promise<R>,
): Store<R> {
  let last: R | undefined
  return {
    name,
    async launch(signal) {
      last = await start(last?.port, signal)
      return last
    },
    lastWords: () => tailOf(logFile),
    running: () => last,
  }
}

function portWish(port: number | undefined, preferredPort: number | undefined) {
  if (port !== undefined) return { port }
  return preferredPort === undefined ? {} : { preferredPort }
}
