import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Leashed, spawnLeashedNode } from '@lockstep/servers'
import { type FaultProxy, faultProxy, until } from '@lockstep/testing'
import { Database, type LoadTime } from './database.ts'
import { Peer } from './peer.ts'
import type { Load, Plan, SubjectName } from './plan.ts'
import { seeded } from './random.ts'
import { type ProcessHistory, readRecords } from './records.ts'
import { TortureRedis } from './redis.ts'

const REPLICAS = 4
/** The file's own name, so that it is found beside this one. */
const entry = fileURLToPath(new URL('./worker.ts', import.meta.url))

export interface FleetOptions {
  readonly subject: SubjectName
  readonly seed: number
  readonly load: Load
  readonly loadTime: LoadTime
  /** How long a command of a replica to Redis may take, in milliseconds. */
  readonly commandTimeout: number
}

/** One replica: a process, and its own way to Redis. */
export interface Replica {
  readonly number: number
  readonly process: Leashed
  readonly proxy: FaultProxy
  readonly peer: Peer
}

/** Four replicas in processes of their own, a proxy between each and the one Redis, and the database in this process. */
export class Fleet {
  readonly redis: TortureRedis
  readonly database: Database
  readonly replicas: Replica[] = []
  readonly #options: FleetOptions
  readonly #folder: string
  readonly #arrivals = new Map<number, (peer: Peer) => void>()
  readonly #files: { replica: number; path: string }[] = []
  readonly #server = createServer((socket) => {
    const peer: Peer = new Peer(socket, {
      load: async (key = 0) => [await this.database.load(key)],
      commit: (key = 0, notAfter = 0) => [this.database.commit(key, notAfter)],
      hello: (replica = 0) => {
        this.#arrivals.get(replica)?.(peer)
        return []
      },
    })
  })

  private constructor(options: FleetOptions, folder: string, redis: TortureRedis) {
    this.#options = options
    this.#folder = folder
    this.redis = redis
    this.database = new Database(options.load.keys, options.loadTime, seeded(options.seed))
  }

  /** Opens a fleet, and resolves when L1 is in use in all of it. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-torture-'))
    const fleet = new Fleet(options, folder, await TortureRedis.start(folder))
    try {
      await fleet.#begin()
    } catch (error) {
      await fleet.close()
      throw error
    }
    return fleet
  }

  replica(number: number): Replica {
    const replica = this.replicas[number]
    if (!replica) throw new Error(`there is no replica ${number}`)
    return replica
  }

  /** Starts a process in the place of one that is gone. */
  async replace(number: number): Promise<void> {
    const replica = await this.#start(number, this.replica(number).proxy)
    this.replicas[number] = replica
    await whenLive(replica)
    await replica.peer.call('run')
  }

  /** @param warmUp how long the load runs before propagation is measured, in milliseconds */
  run(warmUp: number): Promise<unknown> {
    return this.#all('run', warmUp)
  }

  /** Ends the writers, and resolves when every write has ended; the readers go on. */
  quiet(): Promise<unknown> {
    return this.#all('quiet')
  }

  /** Ends the load, and resolves when every read and write has ended. */
  stop(): Promise<unknown> {
    return this.#all('stop')
  }

  /** How many (replica, key) pairs do not show what the database holds. */
  async stalePairs(): Promise<number> {
    const shown = await this.#all('readAll')
    return shown.flatMap((versions) =>
      versions.filter((version, key) => version !== this.database.version(key)),
    ).length
  }

  /** What every process did, the killed ones too. Nothing can be asked of the fleet after that. */
  async finish(): Promise<ProcessHistory[]> {
    await this.#all('finish')
    return this.#files.map(({ replica, path }) => readRecords(replica, path))
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map(({ process }) => process.kill()))
    await Promise.all(this.replicas.map(({ proxy }) => proxy.close()))
    await this.redis.kill()
    this.#server.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #begin(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    for (let number = 0; number < REPLICAS; number++) {
      this.replicas.push(await this.#start(number, await faultProxy(this.redis.port)))
    }
    await Promise.all(this.replicas.map(whenLive))
  }

  #all(call: string, ...args: number[]): Promise<number[][]> {
    return Promise.all(this.replicas.map(({ peer }) => peer.call(call, ...args)))
  }

  async #start(number: number, proxy: FaultProxy): Promise<Replica> {
    const { subject, seed, load, commandTimeout } = this.#options
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the controller has no port')
    const path = join(this.#folder, `${this.#files.length}.records`)
    this.#files.push({ replica: number, path })
    const arrival = Promise.withResolvers<Peer>()
    this.#arrivals.set(number, arrival.resolve)
    const plan: Plan = {
      replica: number,
      subject,
      control: address.port,
      redis: proxy.port,
      seed: seed * 100 + this.#files.length,
      records: path,
      commandTimeout,
      load,
    }
    const process = spawnLeashedNode({ entry, args: [JSON.stringify(plan)], output: 2 })
    void process.exited.then(() => arrival.reject(new Error(`replica ${number} ended at its start`)))
    return { number, process, proxy, peer: await arrival.promise }
  }
}

const whenLive = ({ number, peer }: Replica) =>
  until(`replica ${number} has its L1 in use`, async () => (await peer.call('live'))[0] === 1)
