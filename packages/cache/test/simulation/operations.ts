import type { MutationContext } from '../../src/cache.ts'
import { MutationAwayError } from '../../src/errors.ts'
import type { Read } from './checker.ts'
import { isSourceFault, type SimReplica } from './replica.ts'
import type { Random } from './scheduler.ts'
import type { Item } from './source.ts'
import type { World } from './world.ts'

/** What clients ask of a process. Everything that they see goes to the checker. */
export class Operations {
  readonly #world: World
  readonly #random: Random
  /** Tokens of writes that were handed on, with what they promise. */
  readonly #tokens: { readonly token: string; readonly id: string; readonly version: number }[] = []

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  read(replica: SimReplica): void {
    const { checker, ids } = this.#world
    const id = this.#random.pick(ids)
    const kind = this.#random.next()
    if (kind < 0.1) return this.#peek(replica, id)
    if (kind < 0.2) return void this.#many(replica)
    const handed = this.#tokens.at(-1 - this.#random.below(3))
    if (kind < 0.3 && handed !== undefined) {
      this.#fenced(replica, [handed.id])
      const read = checker.begin(replica.process, nameOf(handed.id), handed.version)
      const reading = replica.items.read(handed.id, { after: handed.token })
      return void this.#watch(
        replica,
        [read],
        reading.then(({ value }) => [value]),
      )
    }
    if (kind < 0.32) {
      // It loads whatever else is under way.
      this.#fenced(replica, [id])
      return void this.one(replica, id, () => replica.items.refresh(id))
    }
    for (let times = kind < 0.5 ? 3 : 1; times > 0; times--) void this.one(replica, id)
  }

  async one(replica: SimReplica, id: string, ask = () => replica.items.get(id)): Promise<void> {
    const read = this.#world.checker.begin(replica.process, nameOf(id))
    await this.#watch(
      replica,
      [read],
      ask().then((value) => [value]),
    )
  }

  #peek(replica: SimReplica, id: string): void {
    const { checker } = this.#world
    const value = replica.items.peek(id)
    if (value) checker.end(checker.begin(replica.process, nameOf(id)), value.version)
  }

  async #many(replica: SimReplica): Promise<void> {
    const { checker, ids } = this.#world
    const reads = ids.map((id) => checker.begin(replica.process, nameOf(id)))
    await this.#watch(replica, reads, replica.items.getMany(ids))
  }

  async #watch(
    replica: SimReplica,
    reads: readonly Read[],
    asked: Promise<readonly (Item | undefined)[]>,
  ): Promise<void> {
    const { checker, scheduler, plan, under } = this.#world
    const { process } = replica
    const waiting = { process, reads }
    under.add(waiting)
    const [first] = reads
    try {
      const values = await asked
      for (const [at, read] of reads.entries()) {
        const version = values[at]?.version ?? 0
        scheduler.mix(version)
        this.#world.trace(
          () => `${process.id} read ${read.name} = ${version}, begun ${read.begun.toFixed(1)}`,
        )
        checker.end(read, version)
      }
    } catch (error) {
      this.#world.trace(() => `${process.id} read ${first?.name} failed: ${String(error)}`)
      if (!isSourceFault(error)) checker.violate('G6', `${process.id}: a read failed with ${String(error)}`)
    }
    under.delete(waiting)
    if (first === undefined) return
    const took = scheduler.now - first.begun - (process.pausedFor - first.pausedFor)
    const bound = latencyBound(plan)
    this.#world.counts.slowest = Math.max(this.#world.counts.slowest, took / bound)
    if (took > bound)
      checker.violate('G6', `${process.id}: a read took ${took.toFixed(0)} ms, more than ${bound.toFixed(0)}`)
  }

  async write(replica: SimReplica): Promise<void> {
    const { plan } = this.#world
    const kind = this.#random.next()
    await replica.process.sleep(this.#random.between(0, plan.maxStaleness / 20))
    const write = { process: replica.process }
    this.#world.writes.add(write)
    if (kind < 0.35) await this.#invalidate(replica)
    else if (kind < 0.5) await this.#set(replica)
    else await this.mutate(replica)
    this.#world.writes.delete(write)
  }

  async #invalidate(replica: SimReplica): Promise<void> {
    const { cache, items, process } = replica
    const { ids } = this.#world
    const how = this.#random.next()
    const id = this.#random.pick(ids)
    const alike = ids.filter((other) => other[0] === id[0])
    const concerned = how < 0.5 ? [id] : how < 0.85 ? alike : [...ids]
    const versions = concerned.map((one) => this.commit(replica, one))
    await this.#survive(replica)
    this.#fenced(replica, ids)
    const name = nameOf(id)
    const whole = () => (how < 0.93 ? items.clear() : cache.invalidate({ keys: concerned.map(nameOf) }))
    const group = () =>
      how < 0.7
        ? cache.invalidateTags(this.#world.source.tagsOf(name))
        : cache.invalidatePrefix(name.slice(0, -1))
    const { token, outcome } = await (how < 0.5 ? items.invalidate(id) : how < 0.85 ? group() : whole())
    this.#world.trace(() => `${process.id} invalidated ${concerned.join()}: ${outcome}`)
    for (const [at, one] of concerned.entries()) this.#resolved(replica, one, versions[at] ?? 0, token)
  }

  async #set(replica: SimReplica): Promise<void> {
    const id = this.#random.pick(this.#world.ids)
    const version = this.commit(replica, id)
    await this.#dawdle(replica)
    this.#fenced(replica, [id])
    const { result, outcome, token } = await replica.items.set(id, { key: id, version }, { version })
    this.#world.trace(() => `${replica.process.id} set ${id} to ${version}: ${outcome} ${result}`)
    this.#world.count(`set ${result}`)
    this.#resolved(replica, id, version, token)
  }

  async mutate(replica: SimReplica): Promise<void> {
    const { plan, ids, checker } = this.#world
    const { process, cache, items } = replica
    const id = this.#random.pick(ids)
    const name = nameOf(id)
    const fleet = this.#random.chance(0.5)
    const puts = this.#random.chance(0.4)
    const run = this.#random.chance(0.1)
    const fails = this.#random.chance(0.1)
    const lifetime = plan.intentLifetime
    const called = this.#world.scheduler.now
    let version: number | undefined
    let committed: ReturnType<typeof checker.committed> | undefined
    const work = async ({ signal, deadline, put }: MutationContext) => {
      await process.sleep(this.#random.between(0, lifetime * (this.#random.chance(0.1) ? 1.2 : 0.4)))
      if (signal.aborted || process.wall() >= deadline) throw new TooLate()
      version = this.commit(replica, id)
      if (!run) committed = checker.committed(process, name, version, called, lifetime)
      this.#fenced(replica, [id])
      await this.#survive(replica)
      if (puts) put(items, id, { key: id, version })
      if (fails) throw new WorkError()
    }
    this.#fenced(replica, [id])
    try {
      const options = { lifetime, whenAway: run ? ('run' as const) : ('reject' as const) }
      const mutated = await cache.mutate([name], work, fleet ? { ...options, wait: 'fleet' } : options)
      if (mutated.promised && committed) committed.promised = true
      this.#world.trace(
        () =>
          `${process.id} mutated ${id} to ${version}: ${mutated.outcome} promised ${mutated.promised} stored ${mutated.stored}`,
      )
      if (mutated.promised) this.#world.count('promised')
      if (fleet && !mutated.promised) this.#world.count('not promised')
      if (mutated.stored) this.#world.count('put stored')
      if (version !== undefined) this.#resolved(replica, id, version, mutated.token)
    } catch (error) {
      const known =
        error instanceof MutationAwayError || error instanceof TooLate || error instanceof WorkError
      if (!known) throw error
      this.#world.trace(() => `${process.id} did not mutate ${id}: ${error.constructor.name}`)
      if (version !== undefined) checker.wrote(process, name, version)
    }
    this.#fenced(replica, [id])
  }

  /** The source has a new version from now on. */
  commit({ process }: SimReplica, id: string): number {
    const version = this.#world.source.commit(nameOf(id))
    this.#world.trace(() => `${process.id} committed ${id} = ${version}`)
    return version
  }

  #resolved(replica: SimReplica, id: string, version: number, token: string): void {
    this.#world.checker.wrote(replica.process, nameOf(id), version)
    this.#fenced(replica, this.#world.ids)
    this.#tokens.push({ token, id, version })
  }

  #fenced({ process }: SimReplica, ids: readonly string[]): void {
    const { checker, scheduler } = this.#world
    for (const id of ids) {
      checker.loads.evicted(process.index, nameOf(id), scheduler.now)
      checker.loads.disturbed(nameOf(id), scheduler.now)
    }
  }

  /** Between the commit and what follows it a writer may die. */
  #survive(replica: SimReplica): Promise<void> {
    const { plan, faults } = this.#world
    if (this.#random.chance(plan.dies)) {
      this.#world.trace(() => `${replica.process.id} dies`)
      this.#world.count('died in a write')
      faults.crash(replica)
    }
    return this.#dawdle(replica)
  }

  #dawdle({ process }: SimReplica): Promise<void> {
    return process.sleep(
      this.#random.chance(0.2) ? this.#random.between(0, this.#world.plan.maxStaleness / 4) : 0,
    )
  }
}

class TooLate extends Error {}
class WorkError extends Error {}

export const nameOf = (id: string): string => `items:v1:${id}`

/**
 * The longest that a read may take (G6), two flights one after the other: in each, a wait for another replica's load and a
 * load of its own, and as many commands as a view may need to come to rest, of which the first that fails ends the rest.
 */
export const latencyBound = ({ hardTimeout, network }: World['plan']): number =>
  2 * (2 * hardTimeout + 16 * network.commandTimeout) + 1000
