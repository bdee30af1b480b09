import { type Cache, createGuardedCache } from '../../src/cache.ts'
import { LoadTimeoutError } from '../../src/errors.ts'
import type { NamedCache } from '../../src/named-cache.ts'
import type { Logger } from '../../src/ports.ts'
import type { Guards } from '../../src/protocol/guards.ts'
import type { Checker } from './checker.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { SimProcess } from './process.ts'
import type { Random } from './scheduler.ts'
import { type Item, isItem, type Source, SourceError } from './source.ts'

const SILENT: Logger = { info() {}, warn() {}, error() {} }

/** A process with the real cache object in it. */
export interface SimReplica {
  readonly process: SimProcess
  readonly network: Network
  readonly cache: Cache
  readonly items: NamedCache<string, Item>
}

export interface ReplicaSurroundings {
  readonly process: SimProcess
  readonly network: Network
  readonly plan: Plan
  readonly guards: Guards
  readonly random: Random
  readonly source: Source
  readonly checker: Checker
  readonly now: () => number
  readonly trace: (line: () => string) => void
  /** Whether a write intent stands on an entry. */
  readonly writing: (name: string) => boolean
}

export function startReplica(around: ReplicaSurroundings): SimReplica {
  const { process, network, plan, guards, random, source, checker, now } = around
  const cache = createGuardedCache(
    {
      transport: network.transport,
      logger: SILENT,
      maxStaleness: plan.maxStaleness,
      fillLease: plan.fillLease,
      clock: process,
      random: () => random.next(),
      token: () => random.token(),
      id: process.id,
      onEvent: ({ type }) => {
        if (type === 'flushed')
          for (const name of checker.names) checker.loads.evicted(process.index, name, now())
      },
    },
    guards,
  )
  const load = async (keys: readonly string[]): Promise<Item[]> => {
    const names = keys.map((key) => `items:v1:${key}`)
    const { delay, commandTimeout } = plan.network
    const margins = { own: 2 * plan.hardTimeout + 16 * commandTimeout, other: 4 * delay[1] }
    around.trace(() => `${process.id} loads ${keys.join()}`)
    const ends = names.map((name) =>
      checker.loads.begin(process.index, name, now(), margins, around.writing(name)),
    )
    try {
      const versions = await source.load(process, names)
      around.trace(() => `${process.id} loaded ${keys.join()} = ${versions.join()}`)
      return keys.map((key, at) => ({ key, version: versions[at] ?? 0 }))
    } finally {
      for (const end of ends) end()
    }
  }
  const items = cache.define<string, Item>({
    name: 'items',
    version: 1,
    key: (key) => key,
    ...(plan.batchLoads ? { loadMany: load } : { load: async (key: string) => (await load([key]))[0] }),
    ttl: plan.ttl,
    staleWhileRevalidate: plan.staleWhileRevalidate,
    staleIfError: plan.staleIfError,
    ...(Number.isFinite(plan.softTimeout) ? { softTimeout: plan.softTimeout } : {}),
    earlyRefresh: plan.earlyRefresh,
    hardTimeout: plan.hardTimeout,
    tags: ({ key }) => source.tagsOf(`items:v1:${key}`),
    versionOf: ({ version }) => version,
    accepts: isItem,
  })
  return { process, network, cache, items }
}

/** Whether a read may fail so: the source did. */
export const isSourceFault = (error: unknown): boolean =>
  error instanceof SourceError || error instanceof LoadTimeoutError
