import { nameOf } from './operations.ts'
import type { Fault } from './plan.ts'
import type { Snapshot } from './redis.ts'
import type { SimReplica } from './replica.ts'
import type { Random } from './scheduler.ts'
import type { World } from './world.ts'

/** Does to the world what a plan says, and mends it all in the end. */
export class Faults {
  readonly #world: World
  readonly #random: Random
  readonly #snapshots: Snapshot[] = []
  #over = false

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  get over(): boolean {
    return this.#over
  }

  /** What Redis knows now may be restored later. */
  remember(): void {
    if (this.#world.redis.up) this.#snapshots.push(this.#world.redis.snapshot())
  }

  begin(fault: Fault): void {
    const { plan, redis, scheduler, source } = this.#world
    const T = plan.maxStaleness
    const victim = this.#victim()
    const lasts =
      T * (this.#random.chance(0.5) ? this.#random.between(0.05, 0.6) : this.#random.between(0.6, 2.5))
    this.#world.trace(() => `FAULT ${fault} ${victim?.process.id} ${lasts.toFixed(0)} ms`)
    this.#world.count(`fault: ${fault}`)
    const later = (action: () => void) => scheduler.at(scheduler.now + lasts, action)
    if (fault === 'restart empty' || fault === 'restart from snapshot' || fault === 'failover')
      return this.#restart(fault)
    if (fault === 'flushall') return redis.up ? redis.flushAll() : undefined
    if (fault === 'delete head') return redis.up ? redis.deleteHead() : undefined
    if (fault === 'rollback') return this.#rollBack()
    if (fault === 'trim log') return redis.trimLog(this.#random.below(2))
    if (fault === 'drop marker') return redis.dropMarker()
    if (fault === 'evict') return redis.evict(nameOf(this.#random.pick(this.#world.ids)))
    if (fault === 'foreign key') {
      const name = nameOf(this.#random.pick(this.#world.ids))
      source.commit(name)
      return redis.server.publish(name)
    }
    if (victim === undefined) return
    const { process, network } = victim
    if (fault === 'stop' || fault === 'suspend') {
      if (!process.pause(fault === 'stop' ? 'stopped' : 'suspended')) return
      return later(() => process.resume())
    }
    if (fault === 'step') {
      // No clock of a suspended machine tells how long it stood when its wall clock is set back meanwhile.
      const back = this.#random.chance(0.6) && !process.suspended
      return process.stepWall(
        (back ? -1 : 1) * T * this.#random.between(0.01, this.#random.chance(0.5) ? 0.3 : 3),
      )
    }
    if (fault === 'resubscribe') return network.resubscribe(lasts)
    if (fault === 'reset') return network.reset()
    if (fault === 'crash') return this.crash(victim)
    network[fault] = true
    later(() => {
      if (fault === 'cut' || this.#random.chance(0.5)) network[fault] = false
    })
  }

  /** Nothing goes wrong any more. A subscriber link that is dead may stay so. */
  end(): void {
    this.#over = true
    const { replicas, redis, source } = this.#world
    source.calm = true
    if (!redis.up) this.#up()
    for (const { process, network } of replicas) {
      process.resume()
      network.cut = false
      network.calm = true
    }
  }

  #victim(): SimReplica | undefined {
    const alive = this.#world.replicas.filter(({ process }) => process.alive)
    return alive[this.#random.below(alive.length)]
  }

  /** A process is killed, and another one started in its place, unless it is the last. */
  crash(victim: SimReplica): void {
    const { scheduler, plan } = this.#world
    if (this.#over || this.#world.replicas.filter(({ process }) => process.alive).length < 2) return
    victim.process.kill()
    scheduler.at(scheduler.now + this.#random.between(0, plan.maxStaleness), () => this.#world.spawn())
  }

  #restart(how: 'restart empty' | 'restart from snapshot' | 'failover'): void {
    const { redis, scheduler, replicas, plan } = this.#world
    if (!redis.up) return
    const snapshot = how === 'restart from snapshot' ? this.#some() : this.#last()
    redis.up = false
    redis.refuses = this.#random.chance(0.5)
    const lasts = this.#random.chance(0.6)
      ? plan.maxStaleness / 50
      : this.#random.between(0, plan.maxStaleness * 1.5)
    const silently = this.#random.chance(0.3)
    if (!silently)
      for (const { network } of replicas)
        network.resubscribe(lasts + this.#random.between(1, plan.maxStaleness / 4))
    scheduler.at(scheduler.now + lasts, () => {
      if (redis.up) return
      if (how === 'restart empty' || snapshot === undefined) redis.restartEmpty()
      else redis.restartFrom(snapshot)
      this.#world.trace(
        () =>
          `redis is up again, with what it knew at ${snapshot?.taken}: ${snapshot?.state.head?.seq} ${snapshot?.state.server}`,
      )
      this.#up()
    })
  }

  #up(): void {
    const { redis, replicas, scheduler } = this.#world
    redis.up = true
    if (this.#over)
      for (const { network } of replicas) scheduler.at(scheduler.now + 1, () => network.subscribe())
  }

  #rollBack(): void {
    const { redis } = this.#world
    const snapshot = this.#last()
    if (redis.up && snapshot !== undefined && snapshot.state.head !== undefined) redis.rollBackTo(snapshot)
  }

  #some(): Snapshot | undefined {
    return this.#snapshots[this.#random.below(this.#snapshots.length)]
  }

  #last(): Snapshot | undefined {
    return this.#snapshots.at(-1 - this.#random.below(Math.min(3, this.#snapshots.length)))
  }
}
