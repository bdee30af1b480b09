import { MemoryServer } from '../../src/memory/transport.ts'
import type { Guards } from '../../src/protocol/guards.ts'
import { MAX_INTENT } from '../../src/protocol/shard-view.ts'
import { Checker, type Read } from './checker.ts'
import { Faults } from './faults.ts'
import { Network } from './network.ts'
import { latencyBound, nameOf, Operations } from './operations.ts'
import type { Plan } from './plan.ts'
import { EPOCH, SimProcess } from './process.ts'
import { SimRedis } from './redis.ts'
import { type SimReplica, startReplica } from './replica.ts'
import { type Random, Scheduler } from './scheduler.ts'
import { Source } from './source.ts'

const PREFIX = 'sim'
/** Reads until a value lies in L1: one may wait too long for another's load, and then load for itself alone. */
const MAX_TRIES = 3

/** Everything of a run: one source, one Redis, some processes, and who looks at them. */
export class World {
  readonly scheduler = new Scheduler()
  readonly plan: Plan
  readonly ids: readonly [string, ...string[]]
  readonly source: Source
  readonly checker: Checker
  readonly redis: SimRedis
  readonly replicas: SimReplica[] = []
  readonly operations: Operations
  readonly faults: Faults
  /** Reads that have not ended. */
  readonly under = new Set<{ readonly process: SimProcess; readonly reads: readonly Read[] }>()
  readonly writes = new Set<{ readonly process: SimProcess }>()
  readonly counts = { slowest: 0, named: new Map<string, number>() }
  readonly lines: string[] | undefined
  readonly #guards: Guards
  readonly #random: Random
  readonly #processes: SimProcess[] = []

  constructor(plan: Plan, random: Random, guards: Guards, traced: boolean) {
    this.plan = plan
    this.#random = random
    this.#guards = guards
    this.lines = traced ? [] : undefined
    const [first = 'a1', ...others] = plan.ids
    this.ids = [first, ...others]
    const { scheduler } = this
    const names = this.ids.map(nameOf)
    const { maxStaleness } = plan
    this.source = new Source(scheduler, random.fork(), plan.source)
    const processes = this.#processes
    this.checker = new Checker({
      scheduler,
      source: this.source,
      names,
      prefix: PREFIX,
      maxStaleness,
      processes,
    })
    const chance = random.fork()
    const server = new MemoryServer({
      prefix: PREFIX,
      clock: { wall: () => Math.floor(EPOCH + scheduler.now) },
      randomIncarnation: () => chance.below(2 ** 32),
      token: () => chance.token(),
      guards,
    })
    const saw = (reply: unknown, process: SimProcess) => this.#saw(reply, process)
    this.redis = new SimRedis(server, scheduler, this.checker, saw, (line) => this.trace(line))
    this.operations = new Operations(this, random.fork())
    this.faults = new Faults(this, random.fork())
  }

  trace(line: () => string): void {
    this.lines?.push(`${this.scheduler.now.toFixed(1).padStart(8)}  ${line()}`)
  }

  count(what: string): void {
    this.counts.named.set(what, (this.counts.named.get(what) ?? 0) + 1)
  }

  spawn(): SimReplica {
    const random = this.#random.fork()
    const { drift, network } = this.plan
    const index = this.#processes.length
    const process = new SimProcess(this.scheduler, {
      id: `r${index}`,
      index,
      rates: { monotonic: 1 + random.between(-drift, drift), wall: 1 + random.between(-drift, drift) },
      random: random.fork(),
      ran: () => this.#inspect(replica),
    })
    this.#processes.push(process)
    const way = new Network(process, this.redis, this.scheduler, random.fork(), network)
    way.calm = this.faults.over
    const { plan, source, checker, scheduler } = this
    const replica = startReplica({
      process,
      network: way,
      plan,
      guards: this.#guards,
      random,
      source,
      checker,
      now: () => scheduler.now,
      trace: (line) => this.trace(line),
      writing: (name) => this.redis.state.intents.has(name),
    })
    this.replicas.push(replica)
    this.trace(() => `${process.id} started`)
    return replica
  }

  /** The whole run: reads, writes and faults; then peace; then the last look. */
  async run(): Promise<void> {
    const { scheduler, plan } = this
    const T = plan.maxStaleness
    for (let at = 0; at < plan.replicas; at++) scheduler.at(at * (T / 20), () => void this.spawn())
    this.#work()
    for (const { time, fault } of plan.faults) scheduler.at(time, () => this.faults.begin(fault))
    for (let at = 0; at < plan.busy; at += T / 4) scheduler.at(at, () => this.faults.remember())
    await scheduler.run(plan.busy)
    this.faults.end()
    await scheduler.run(plan.busy + Math.max(plan.intentLifetime, T) + T / 4)
    // What could not be sent is sent again after up to two seconds, and an intent may still stand.
    while (this.#waiting && scheduler.now < plan.busy + 3 * T + 4000)
      await scheduler.run(scheduler.now + T / 4)
    if (plan.long) await this.#grow()
    await this.#lastLook()
    this.checker.finish()
  }

  /** All reads and writes are drawn beforehand. A process that is stopped gets to them when it goes on. */
  #work(): void {
    const { scheduler, plan, operations } = this
    const random = this.#random.fork()
    for (const [every, what] of [
      [plan.readEvery / plan.replicas, (replica: SimReplica) => operations.read(replica)],
      [plan.writeEvery, (replica: SimReplica) => void operations.write(replica)],
    ] as const) {
      for (let time = 0; time < plan.busy; time += -Math.log(1 - random.next()) * every) {
        const at = random.next()
        scheduler.at(time, () => {
          const alive = this.#alive
          const replica = alive[Math.floor(at * alive.length)]
          replica?.process.receive(time, () => what(replica))
        })
      }
    }
  }

  get #waiting(): boolean {
    for (const { process } of this.writes) if (process.alive) return true
    const now = EPOCH + this.scheduler.now
    const intents = [...this.redis.state.intents.values()].flatMap((some) => [...some.values()])
    if (intents.some(({ expiresAt }) => expiresAt > now)) return true
    return this.#alive.some(
      ({ cache, network }) => !cache.live || !network.quiet || cache.stats().pending > 0,
    )
  }

  get #alive(): SimReplica[] {
    return this.replicas.filter(({ process }) => process.alive)
  }

  /** Readers go on, seldom, until no incarnation is young. */
  async #grow(): Promise<void> {
    const { scheduler, operations } = this
    for (let time = scheduler.now; time < scheduler.now + MAX_INTENT + 3000; time += 2000) {
      scheduler.at(time, () => {
        for (const replica of this.#alive) replica.process.receive(time, () => operations.read(replica))
      })
    }
    await scheduler.run(scheduler.now + MAX_INTENT + 4000)
  }

  async #lastLook(): Promise<void> {
    const { scheduler, operations, checker, plan } = this
    const T = plan.maxStaleness
    for (const replica of this.#alive) {
      for (const id of this.ids) {
        replica.process.receive(
          scheduler.now,
          () => void operations.one(replica, id).then(() => this.#kept(replica, id)),
        )
      }
    }
    // As long as it takes, within the bound.
    const end = scheduler.now + latencyBound(plan)
    while (this.under.size > 0 && scheduler.now < end) await scheduler.run(scheduler.now + T / 4)
    for (const { process, reads } of this.under) {
      const [read] = reads
      if (process.alive)
        checker.violate('G6', `${process.id}: a read of ${read?.name} begun at ${read?.begun} never ended`)
    }
    for (const { process, cache } of this.#alive) {
      if (!cache.live) checker.violate('rest', `${process.id}: L1 is not back in service`)
      const { pending } = cache.stats()
      if (pending > 0) checker.violate('rest', `${process.id}: ${pending} invalidations were never executed`)
    }
    const { inProcess, inFleet } = checker.loads
    for (const text of inProcess) checker.violate('G7', text)
    if (plan.calm) for (const text of inFleet) checker.violate('G7', text)
  }

  /** Whether L1 is in service again. What is short-lived, or young, may have ended already. */
  async #kept(replica: SimReplica, id: string, tries = 0): Promise<void> {
    const { process, items } = replica
    const { plan, scheduler, checker } = this
    if (plan.ttl < 60_000 || scheduler.now > MAX_INTENT * 0.8) return
    const { tier } = await items.inspect(id)
    if (tier === 'l1') return
    if (tries === MAX_TRIES) {
      checker.violate('rest', `${process.id}: ${id} is not in L1, but in ${tier}`)
      return
    }
    await this.operations.one(replica, id)
    await this.#kept(replica, id, tries + 1)
  }

  /** After each event in a process: what L1 would answer now. */
  #inspect({ process, items }: SimReplica): void {
    for (const id of this.ids) {
      const value = items.peek(id)
      if (value) this.checker.inL1(process, nameOf(id), value.version)
    }
  }

  #saw(reply: unknown, process: SimProcess): void {
    if (typeof reply !== 'object' || reply === null) return
    if ('answers' in reply && Array.isArray(reply.answers)) {
      for (const answer of reply.answers) this.count(`lease ${answer.kind}`)
    }
    if ('changes' in reply) {
      this.count('replay')
      for (const name of this.checker.names)
        this.checker.loads.evicted(process.index, name, this.scheduler.now)
    }
    this.trace(() => `redis: ${process.id} ${describe(reply)}`)
  }
}

function describe(reply: object): string {
  const where =
    'head' in reply && isHead(reply.head) ? `${reply.head.incarnation % 1000}:${reply.head.seq}` : '-'
  const brief = (key: string, value: unknown) => (['head', 'bytes', 'data'].includes(key) ? undefined : value)
  return `${where} ${JSON.stringify(reply, brief).slice(0, 250)}`
}

const isHead = (head: unknown): head is { incarnation: number; seq: number } =>
  typeof head === 'object' && head !== null && 'incarnation' in head
