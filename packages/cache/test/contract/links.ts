import { openRedis, type RedisLink, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown } from '@lockstep/testing'

/** A link for the length of a test, patient enough for a busy machine. */
export async function openLink(t: Teardown, place: Readonly<Record<string, string>>): Promise<RedisLink> {
  const settings = readSettings(RedisSettings, { REDIS_COMMAND_TIMEOUT: '5s', ...place })
  const link = openRedis(settings, 'contract', recordingLogger())
  t.teardown(() => link.close())
  if (!(await link.whenAvailable(30_000))) throw new Error(`${link.endpoint} does not answer`)
  return link
}
