import { now, pause } from './clock.ts'
import type { LoadTime } from './database.ts'
import type { Fleet } from './fleet.ts'
import { INTENT_LIFETIME } from './subject.ts'
import type { Replacement } from './verdict.ts'

export const KEYS = 64
/** Only the writer that will be killed writes the keys from here on, so that nobody mends what it left. */
const VICTIMS_KEYS = 48

/** A run of the fleet under load, as a fault sees it. */
interface Storm {
  readonly fleet: Fleet
  /** How long the load lasts, in milliseconds. */
  readonly length: number
  /** Resolves when this share of the load's time has passed. */
  readonly at: (share: number) => Promise<void>
}

/** One row of the table. */
export interface Scenario {
  readonly name: string
  readonly loadTime?: LoadTime
  /** How long a command to Redis may take, in milliseconds. */
  readonly commandTimeout?: number
  /** For how long the load runs before propagation is measured, in milliseconds; it is not part of the load's time. */
  readonly warmUp?: number
  /** Keys from this one on have no writers. */
  readonly written?: number
  /**
   * Does its harm to a fleet under load, and heals it unless it is for good.
   *
   * @returns replacements that no write reports
   */
  fault?(storm: Storm): Promise<readonly Replacement[] | undefined>
}

const subscriber = ({ said }: { said: string }) => /subscribe/i.test(said)

/** Processes that have just begun compile what they run: for two seconds their cores have that to do, too. */
const calm: Scenario = { name: 'calm', warmUp: 2_000 }

const resets: Scenario = {
  name: 'sockets reset each second',
  async fault({ fleet, at }) {
    const stops = fleet.replicas.map(({ proxy }) => proxy.resetEvery(1_000))
    await at(0.9)
    for (const stop of stops) stop()
  },
}

const blackHole: Scenario = {
  name: 'one replica black-holed',
  async fault({ fleet, length, at }) {
    await at(0.2)
    fleet.replica(1).proxy.blackHole()
    await pause(Math.min(6_000, length * 0.7))
    fleet.replica(1).proxy.heal()
  },
}

const deadSubscriber: Scenario = {
  name: 'its subscriber link dead, for good',
  async fault({ fleet, at }) {
    await at(0.2)
    fleet.replica(1).proxy.blackHole(subscriber)
  },
}

const emptyRestart: Scenario = {
  name: 'Redis killed, restarted empty',
  async fault({ fleet, at }) {
    await at(0.3)
    await fleet.redis.kill()
    await at(0.5)
    await fleet.redis.restart('empty')
  },
}

const rollback: Scenario = {
  name: 'Redis killed, restarted from an old snapshot',
  async fault({ fleet, at }) {
    await at(0.2)
    await fleet.redis.snapshot()
    await at(0.5)
    await fleet.redis.kill()
    await at(0.6)
    await fleet.redis.restart('snapshot')
  },
}

const slowLoads: Scenario = { name: 'slow loads racing writes', loadTime: { from: 30, to: 60 } }

const stopped: Scenario = {
  name: 'a replica stopped, resumed',
  async fault({ fleet, length, at }) {
    await at(0.2)
    const replica = fleet.replica(1)
    await replica.peer.call('halt')
    await pause(Math.min(5_000, length * 0.6))
    process.kill(replica.process.pid, 'SIGCONT')
  },
}

const flushAll: Scenario = {
  name: 'FLUSHALL',
  async fault({ fleet, at }) {
    for (const share of [0.3, 0.5, 0.7]) {
      await at(share)
      await fleet.redis.flushAll()
    }
  },
}

const scriptFlush: Scenario = {
  name: 'SCRIPT FLUSH',
  async fault({ fleet, at }) {
    for (const share of [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]) {
      await at(share)
      await fleet.redis.scriptFlush()
    }
  },
}

/** Kills a replica between its commits and what should follow them, and puts a new one in its place. */
const killedWriter: Scenario = {
  name: 'a writer killed after its commit',
  written: VICTIMS_KEYS,
  async fault({ fleet, at }) {
    await at(0.3)
    const { peer, process: victim } = fleet.replica(1)
    const keys = Array.from({ length: KEYS - VICTIMS_KEYS }, (_, n) => VICTIMS_KEYS + n)
    // It dies before it can tell that it did as it was told.
    peer.call('die', ...keys).catch(() => {})
    await victim.exited
    const healed = now() + INTENT_LIFETIME
    await fleet.replace(1)
    return keys.map((key) => ({ key, version: fleet.database.version(key), at: healed }))
  },
}

const late: Scenario = {
  name: 'one replica 150 ms behind',
  // Past the usual timeout it would go without Redis, which is another case.
  commandTimeout: 1_000,
  async fault({ fleet, at }) {
    fleet.replica(1).proxy.delay({ toClient: 150 })
    await at(0.9)
    fleet.replica(1).proxy.heal()
  },
}

const lateSubscriber: Scenario = {
  name: 'its subscriber link 150 ms behind',
  async fault({ fleet, at }) {
    fleet.replica(1).proxy.delay({ toClient: 150 }, subscriber)
    await at(0.9)
    fleet.replica(1).proxy.heal()
  },
}

/** Under which nothing may be stale past T, nor at rest, and no read may fail. */
export const scenarios: readonly Scenario[] = [
  calm,
  resets,
  blackHole,
  deadSubscriber,
  emptyRestart,
  rollback,
  slowLoads,
  stopped,
  flushAll,
  scriptFlush,
  killedWriter,
  late,
  lateSubscriber,
]

/** Under which writes that wait for the fleet must be linearizable. */
export const strictScenarios: readonly Scenario[] = [
  calm,
  resets,
  blackHole,
  stopped,
  scriptFlush,
  emptyRestart,
  lateSubscriber,
]

/** Under which a cache without guards is surely stale, for good. */
export const textbookFails: Scenario = deadSubscriber

/** Under which writes that do not wait are surely seen late. */
export const control: Scenario = lateSubscriber
