import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServersError } from '../errors.ts'
import { runCommand } from '../run.ts'
import { apt } from './strategies/apt.ts'
import { brew } from './strategies/brew.ts'
import { container } from './strategies/container.ts'
import { memoryServer } from './strategies/memory-server.ts'
import { onPath } from './strategies/path.ts'
import type { RedisServer, Strategy, Surroundings } from './strategy.ts'

export const strategies: readonly Strategy[] = [onPath, apt, brew, container, memoryServer]

/**
 * Comes by a redis-server, version 7.0 or newer: the one on the PATH, else by the first way that works here, which
 * may install it. Throws `REDIS_NOT_FOUND` with what was tried and the command to type.
 */
export async function findRedisServer(
  options: Partial<Surroundings> = {},
  ways: readonly Strategy[] = strategies,
): Promise<RedisServer> {
  const here: Surroundings = { ...thisMachine(), ...options }
  const tried: string[] = []
  for (const way of ways) {
    here.signal?.throwIfAborted()
    if (!(await way.available(here))) continue
    const found = await way.obtain(here)
    if (!('failed' in found)) return found
    tried.push(`${way.name}: ${found.failed}`)
    here.report(`${way.name}: ${found.failed}`)
  }
  const command = here.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server'
  const soFar = tried.length > 0 ? ` (tried ${tried.join('; ')})` : ''
  throw new ServersError(
    'REDIS_NOT_FOUND',
    `no redis-server 7.0 or newer found${soFar}. Install one: \`${command}\`, or set REDIS_URL to a running Redis`,
  )
}

function thisMachine(): Surroundings {
  return {
    platform: process.platform,
    env: process.env,
    uid: process.getuid?.(),
    run: runCommand,
    fileExists: existsSync,
    keep: join(tmpdir(), 'lockstep-redis'),
    report: () => {},
  }
}
