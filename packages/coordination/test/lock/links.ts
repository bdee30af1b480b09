import { openRedis, type RedisLink, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown } from '@lockstep/testing'
import type { Lock, Locks } from '../../src/index.ts'

/** A link for the length of a test, as another process would have it, patient enough for a busy machine. */
export async function openLink(
  t: Teardown,
  env: Record<string, string>,
  name = 'test-1',
): Promise<RedisLink> {
  const settings = readSettings(RedisSettings, {
    REDIS_RETRY_DELAY_MAX: '100ms',
    REDIS_COMMAND_TIMEOUT: '5s',
    ...env,
  })
  const link = openRedis(settings, name, recordingLogger())
  t.teardown(() => link.close())
  if (!(await link.whenAvailable(30_000))) throw new Error('Redis does not answer')
  return link
}

export const urlOf = (port: number) => ({ REDIS_URL: `redis://127.0.0.1:${port}` })

/** Closes them with the test, whatever becomes of it, and waits until they can be asked for. */
export async function ready<L extends Lock>(t: Teardown, locks: Locks<L>): Promise<Locks<L>> {
  t.teardown(() => locks.close())
  if (!(await locks.whenAvailable(30_000))) throw new Error('Redis does not answer')
  return locks
}
