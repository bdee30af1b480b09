import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningServer, startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'

const SNAPSHOT = 'snapshot.rdb'

/** The one redis-server of a fleet, which can be killed and come back on its port. */
export class TortureRedis {
  #server: RunningServer
  readonly #folder: string

  private constructor(server: RunningServer, folder: string) {
    this.#server = server
    this.#folder = folder
  }

  /** @param folder where its snapshots go */
  static async start(folder: string): Promise<TortureRedis> {
    return new TortureRedis(await startRedisServer({ args: keptIn(folder) }), folder)
  }

  get port(): number {
    return this.#server.port
  }

  /** Removes all that it holds, behind the back of the fleet. */
  flushAll = () => this.#order((redis) => redis.flushall())
  /** Makes it forget all scripts. */
  scriptFlush = () => this.#order((redis) => redis.script('FLUSH'))
  /** Keeps what it holds now; it is what `restart('snapshot')` comes back with. */
  snapshot = () => this.#order((redis) => redis.save())

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#server.kill()
  }

  /** Starts again on the same port, empty or as it was at the last snapshot. */
  async restart(as: 'empty' | 'snapshot'): Promise<void> {
    if (as === 'empty') rmSync(join(this.#folder, SNAPSHOT), { force: true })
    this.#server = await startRedisServer({ port: this.#server.port, args: keptIn(this.#folder) })
  }

  async #order(send: (redis: Redis) => Promise<unknown>): Promise<void> {
    const redis = new Redis({ port: this.#server.port, lazyConnect: true })
    await redis.connect()
    await send(redis)
    redis.disconnect()
  }
}

const keptIn = (folder: string) => ['--dir', folder, '--dbfilename', SNAPSHOT]
