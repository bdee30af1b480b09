import { ManualClock, recordingLogger } from '@lockstep/testing'
import { createGuardedCache } from '../src/cache.ts'
import type { CacheEvent, CacheOptions, Clock, Definition, NamedCache, Transport } from '../src/index.ts'
import { MemoryServer, memoryStore } from '../src/memory/transport.ts'
import { ALL_GUARDS, type Guards } from '../src/protocol/guards.ts'
import { MAX_INTENT } from '../src/protocol/shard-view.ts'

export interface Book {
  readonly title: string
  readonly author?: number
  readonly version?: number
}

/** What is between one replica and the server. */
export class Net {
  /** Redis does not answer. */
  away = false
  /** Messages do not arrive. */
  deaf = false
  /** What each script waits for before it is sent. */
  held: Promise<void> = Promise.resolve()
  readonly back = new Set<() => void>()
  readonly heard: string[] = []

  async call<T>(script: () => T): Promise<T> {
    await this.held
    if (this.away) throw new Error('redis is away')
    return script()
  }

  /** It answers again, and says so. */
  restore(): void {
    this.away = false
    for (const listener of this.back) listener()
  }
}

/** A way to the server that does what its net lets through. */
export function transportOver(server: MemoryServer, net: Net): Transport {
  return {
    prefix: server.prefix,
    store: {
      ...memoryStore(server, (script) => net.call(script)),
      onAvailable(listener) {
        net.back.add(listener)
        return () => void net.back.delete(listener)
      },
    },
    bus: {
      listen(listener) {
        const unlisten = server.listen({
          up: () => listener.up(),
          down: () => listener.down(),
          message(payload) {
            net.heard.push(payload)
            if (!net.deaf) listener.message(payload)
          },
        })
        listener.up()
        return async () => unlisten()
      },
      async listenTo(origin, hear) {
        const unlisten = server.listenTo(origin, hear)
        return async () => unlisten()
      },
      async tell(origin, payload) {
        if (!net.deaf) server.tell(origin, payload)
      },
    },
  }
}

/** Lets everything that is ready run, over as many turns of the event loop as a read takes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export interface FleetOptions {
  readonly size?: number
  readonly define?: Partial<Definition<number, Book>>
  readonly cache?: Partial<CacheOptions>
  readonly guards?: Partial<Guards>
  /** The incarnation begins with the fleet, instead of long before: lives are cut short then. */
  readonly young?: boolean
}

/** A fleet in one process: replicas over one server in memory, and a source whose loads finish when told. */
export async function fleet({
  size = 1,
  define = {},
  cache = {},
  guards = {},
  young = false,
}: FleetOptions = {}) {
  const clock = new ManualClock()
  const logger = recordingLogger()
  const all = { ...ALL_GUARDS, ...guards }
  let made = 0
  const token = () => `token-${String(made++).padStart(10, '0')}`
  const server = new MemoryServer({ clock, token, randomIncarnation: () => 1000 + made++, guards: all })
  if (!young) {
    server.shard.rotate(0)
    clock.advance(MAX_INTENT)
  }
  const source = new Map<number, Book>([[42, { title: 'first' }]])
  const gates: (() => void)[] = []
  const state = { held: false, loads: 0, fails: false }

  async function load(id: number): Promise<Book | undefined> {
    state.loads++
    const book = source.get(id)
    if (state.held) await new Promise<void>((resolve) => gates.push(resolve))
    if (state.fails) throw new Error('the source is away')
    return book && { ...book }
  }

  /** Another replica; with a clock of its own, its machine's. */
  function join(own: Clock = clock) {
    const net = new Net()
    const events: CacheEvent[] = []
    const transport = transportOver(server, net)
    const object = createGuardedCache(
      {
        transport,
        logger,
        clock: own,
        random: () => 0,
        token,
        id: `replica-${made++}`,
        onEvent: (event) => events.push(event),
        ...cache,
      },
      all,
    )
    const named: Definition<number, Book> = {
      name: 'books',
      version: 1,
      key: (id) => id,
      ttl: '60s',
      negativeTtl: '10s',
      ...(define.loadMany ? {} : { load }),
      ...define,
    }
    const books: NamedCache<number, Book> = object.define(named)
    return { cache: object, books, net, events, store: transport.store }
  }

  const [a, b, c] = Array.from({ length: size }, () => join())
  if (!a) throw new Error('no replica')
  await settle()
  /** The younger ones exist only in a fleet of their size. */
  const present = <T>(replica: T | undefined): T => {
    if (replica === undefined) throw new Error('the fleet is smaller')
    return replica
  }
  return {
    clock,
    logger,
    server,
    source,
    state,
    join,
    load,
    a,
    get b() {
      return present(b)
    },
    get c() {
      return present(c)
    },
    /** Ends the loads that are held, and holds none from now on. */
    release() {
      state.held = false
      for (const open of gates.splice(0)) open()
    },
    /** Lets time pass, as it does: a little at a time, with everything else going on. */
    async pass(ms: number, step = 250) {
      await settle()
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left))
        await settle()
      }
    },
  }
}

export type Fleet = Awaited<ReturnType<typeof fleet>>
