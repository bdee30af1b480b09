import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunningServer } from '../running.ts'
import { killAll, redisProgram, settled, startAll } from './group.ts'
import { ask, askText } from './resp.ts'
import { inScratch, startLaunch, startRedisServer } from './start.ts'

/** A primary with its replicas, and the sentinels that watch over them. */
export interface RunningSentinel {
  /** What the sentinels call the primary. */
  readonly name: string
  /** Where the sentinels are: `127.0.0.1:26001,127.0.0.1:26002,127.0.0.1:26003`. */
  readonly addresses: string
  readonly sentinels: readonly RunningServer[]
  /** The primary, as every sentinel names it now. */
  primary(): Promise<RunningServer>
  /** Kills the primary (-9) and resolves with the new one, when every sentinel names it and it takes writes. */
  failover(): Promise<RunningServer>
  /** Stops the primary (SIGSTOP) without its knowing. The returned function lets it go on. */
  pausePrimary(): Promise<() => void>
  /** Resolves with the new primary once the sentinels have replaced this one. */
  replaced(old: RunningServer): Promise<RunningServer>
  /** Kills them all. */
  stop(): Promise<void>
}

const NAME = 'lockstep'

/**
 * Starts a primary, its replicas and three sentinels with a quorum of two, on 127.0.0.1, and resolves when all of them
 * know each other. They end when this process does. A failover takes two to four seconds.
 *
 * @param options.replicas one unless given
 * @param options.downAfter milliseconds of silence after which a sentinel holds the primary for dead; 500 unless given
 * @throws {ServersError} `REDIS_NOT_FOUND`, `REDIS_START_FAILED`
 */
export async function startSentinel(
  options: { replicas?: number; downAfter?: number; args?: readonly string[] } = {},
): Promise<RunningSentinel> {
  const { replicas = 1, downAfter = 500, args = [] } = options
  const program = await redisProgram()
  const quick = ['--repl-diskless-sync-delay', '0', ...args]
  const first = await startRedisServer({ args: quick })
  const all: RunningServer[] = [first]
  try {
    const follow = ['--replicaof', '127.0.0.1', String(first.port), ...quick]
    all.push(
      ...(await startAll(Array.from({ length: replicas }, () => () => startRedisServer({ args: follow })))),
    )
    await settled('the replicas follow', () => everyReplica(all.slice(1)))
    const sentinels = await startAll([1, 2, 3].map(() => () => startOne(program, first.port, downAfter)))
    all.push(...sentinels)
    await Promise.all(sentinels.map(({ port }) => hurry(port)))
    await settled('the sentinels know all', () => everySentinel(sentinels, replicas))
    return handle(all, sentinels)
  } catch (error) {
    await killAll(all)
    throw error
  }
}

function handle(all: readonly RunningServer[], sentinels: readonly RunningServer[]): RunningSentinel {
  const primary = async (): Promise<RunningServer> => {
    const named = await Promise.all(sentinels.map(({ port }) => primaryPort(port)))
    const found = all.find(({ port }) => named.every((one) => one === port))
    if (!found) throw new Error(`the sentinels name ${named.join(', ')}`)
    return found
  }
  const replaced = async (old: RunningServer): Promise<RunningServer> => {
    let now = old
    await settled('another primary serves', async () => {
      now = await primary()
      return now !== old && (await askText(now.port, 'INFO', 'replication')).includes('role:master')
    })
    return now
  }
  return {
    name: NAME,
    addresses: sentinels.map(({ host, port }) => `${host}:${port}`).join(','),
    sentinels,
    primary,
    replaced,
    async failover() {
      const old = await primary()
      await old.kill()
      return replaced(old)
    },
    async pausePrimary() {
      const { pid } = await primary()
      process.kill(pid, 'SIGSTOP')
      return () => void process.kill(pid, 'SIGCONT')
    },
    stop: () => killAll(all),
  }
}

function startOne(program: string, primary: number, downAfter: number): Promise<RunningServer> {
  return inScratch((scratch) => {
    const config = join(scratch, 'sentinel.conf')
    const command = (port: number) => {
      // A sentinel keeps what it learns in its own configuration file.
      writeFileSync(
        config,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${scratch}`,
          `sentinel monitor ${NAME} 127.0.0.1 ${primary} 2`,
          `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
          `sentinel failover-timeout ${NAME} 3000`,
          '',
        ].join('\n'),
      )
      return { command: program, args: [config, '--sentinel'] }
    }
    const launch = { description: `${program} --sentinel`, command, ready: '+monitor master' }
    return startLaunch(launch, {}, join(scratch, 'log'))
  })
}

/** Sentinels greet each other every two seconds and look at replicas every ten: made for years, not for tests. */
async function hurry(port: number): Promise<void> {
  const periods = ['info-period', 500, 'publish-period', 200, 'ask-period', 200, 'election-timeout', 1000]
  await ask(port, ['SENTINEL', 'DEBUG', ...periods])
}

async function primaryPort(sentinel: number): Promise<number> {
  const reply = await ask(sentinel, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME])
  return Array.isArray(reply) ? Number(reply[1]) : 0
}

async function everyReplica(replicas: readonly RunningServer[]): Promise<boolean> {
  const said = await Promise.all(replicas.map(({ port }) => askText(port, 'INFO', 'replication')))
  return said.every((info) => info.includes('master_link_status:up'))
}

async function everySentinel(sentinels: readonly RunningServer[], replicas: number): Promise<boolean> {
  const replies = await Promise.all(sentinels.map(({ port }) => ask(port, ['SENTINEL', 'MASTER', NAME])))
  return replies.every((reply) => {
    const field = (name: string) => (Array.isArray(reply) ? Number(reply[reply.indexOf(name) + 1]) : 0)
    return field('num-other-sentinels') === sentinels.length - 1 && field('num-slaves') === replicas
  })
}
