import { randomBytes, randomInt } from 'node:crypto'
import type { Clock } from '@lockstep/redis'
import { systemClock } from '@lockstep/redis'
import type { BusListener, Store, Transport } from '../ports.ts'
import { ALL_GUARDS, type Guards } from '../protocol/guards.ts'
import { encodeChange, encodeFilled } from '../protocol/wire.ts'
import { MemoryShard, type ShardState } from './shard.ts'

/** The part of Redis that the cache uses, in memory. */
export class MemoryServer {
  readonly prefix: string
  readonly shard: MemoryShard
  readonly #listeners = new Set<BusListener>()
  readonly #ears = new Map<string, Set<(payload: string) => void>>()
  /** The run of the server: another after a restart. */
  #run = 1

  constructor(
    options: {
      prefix?: string
      clock?: Pick<Clock, 'wall'>
      randomIncarnation?: () => number
      token?: () => string
      guards?: Guards
    } = {},
  ) {
    const { prefix = 'memory', clock = systemClock, guards = ALL_GUARDS } = options
    this.prefix = prefix
    this.shard = new MemoryShard({
      time: () => clock.wall(),
      randomIncarnation: options.randomIncarnation ?? (() => randomInt(2 ** 48 - 1)),
      token: options.token ?? (() => randomBytes(12).toString('base64url')),
      server: () => `run ${this.#run}`,
      publish: (message) =>
        this.publish(
          'filled' in message ? encodeFilled(prefix, 0, message.filled) : encodeChange(prefix, 0, message),
        ),
      guards,
    })
  }

  /** Publishes on the channel, as a foreign program would. */
  publish(payload: string): void {
    for (const listener of this.#listeners) listener.message(payload)
  }

  listen(listener: BusListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  listenTo(origin: string, hear: (payload: string) => void): () => void {
    const ears = this.#ears.get(origin) ?? new Set()
    this.#ears.set(origin, ears.add(hear))
    return () => void ears.delete(hear)
  }

  tell(origin: string, payload: string): void {
    for (const hear of this.#ears.get(origin) ?? []) hear(payload)
  }

  /** It comes back as another server, with this state. */
  restart(state: ShardState): void {
    this.#run++
    this.shard.state = state
  }
}

/** Everything of a memory server as a transport: for a single process without Redis, and for tests of one process. */
export function memoryTransport(options: { prefix?: string; clock?: Clock } = {}): Transport & {
  readonly server: MemoryServer
} {
  const server = new MemoryServer(options)
  return {
    server,
    prefix: server.prefix,
    store: memoryStore(server, (action) => Promise.resolve().then(action)),
    bus: {
      listen(listener) {
        const unlisten = server.listen(listener)
        listener.up()
        return async () => unlisten()
      },
      async listenTo(origin, hear) {
        const unlisten = server.listenTo(origin, hear)
        return async () => unlisten()
      },
      tell: async (origin, payload) => server.tell(origin, payload),
    },
  }
}

/** @param call runs one script: at once, or after whatever a simulated network does to it */
export function memoryStore(server: MemoryServer, call: <T>(script: () => T) => Promise<T>): Store {
  const { shard } = server
  return {
    shards: 1,
    shardOf: () => 0,
    read: (_, names) => call(() => shard.read(names)),
    lease: (_, asks, ms) => call(() => shard.lease(asks, ms)),
    renew: (_, name, token, ms) => call(() => shard.renew(name, token, ms)),
    fill: (_, fills) => call(() => shard.fill(fills)),
    touch: (_, entries) => call(() => shard.touch(entries)),
    invalidate: (_, what, note) => call(() => shard.invalidate(what, note)),
    evictPresent: (_, names, note) => call(() => shard.evictPresent(names, note)),
    set: (_, write, version, note) => call(() => shard.set(write, version, note)),
    begin: (_, names, token, ms, note) => call(() => shard.begin(names, token, ms, note)),
    end: (_, names, token, incarnation, writes, note) =>
      call(() => shard.end(names, token, incarnation, writes, note)),
    probe: (_, replica, within, markers) => call(() => shard.probe(replica, within, markers)),
    replay: (_, after) => call(() => shard.replay(after)),
    rotate: (_, expected) => call(() => shard.rotate(expected)),
    leave: (_, replica) => call(() => shard.leave(replica)),
    drop: (_, entries) => call(() => shard.drop(entries)),
    onAvailable: () => () => {},
    headers: (_, names) => call(() => [...shard.read(names).entries]),
    async *scan(glob) {
      const matches = globMatcher(glob)
      yield (await call(() => shard.names())).filter(matches)
    },
  }
}

/** Redis' globs, as far as names of entries need them: `*`, `?`, and a backslash before a literal one. */
function globMatcher(glob: string): (name: string) => boolean {
  const source = glob.replace(/\\(.)|[.+^${}()|[\]/]|\*|\?/g, (match, literal?: string) => {
    if (literal !== undefined) return literal.replace(/[^\w]/g, '\\$&')
    if (match === '*') return '.*'
    return match === '?' ? '.' : `\\${match}`
  })
  const pattern = new RegExp(`^${source}$`, 's')
  return (name) => pattern.test(name)
}
