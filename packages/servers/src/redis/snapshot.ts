import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunningServer } from '../running.ts'
import { ask } from './resp.ts'

/**
 * What a redis-server of ours holds now, as the bytes of an RDB file: `startRedisServer({ rdb })` begins with it, which
 * is how a restart from an old snapshot is played.
 *
 * @throws {Error} when it does not answer, or runs in a container, whose files are not here
 */
export async function snapshotOf({ port }: Pick<RunningServer, 'port'>): Promise<Uint8Array> {
  await ask(port, ['SAVE'])
  const folder = await setting(port, 'dir')
  return readFileSync(join(folder, await setting(port, 'dbfilename')))
}

async function setting(port: number, name: string): Promise<string> {
  const reply = await ask(port, ['CONFIG', 'GET', name])
  return Array.isArray(reply) ? String(reply[1]) : ''
}
