import { freePort, snapshotOf, startRedisServer } from '@lockstep/servers'
import { until } from '@lockstep/testing'
import { test } from 'tap'
import { openBoth, openLink } from './links.ts'

/** Of real servers: a loading takes so long for each key, in ms. */
const KEYS = 1500
const EACH = 3

await test('C3 a server that loads its data is not dead: it is waited for, over the connection that there is', async (t) => {
  const { redis, raw } = await openBoth(t)
  const value = 'a value '.repeat(20)
  await Promise.all(Array.from({ length: KEYS }, (_, n) => raw.set(`key:${n}`, value)))
  const rdb = await snapshotOf(redis)
  const port = await freePort()
  const slow = ['--key-load-delay', String(EACH * 1000), '--loading-process-events-interval-bytes', '1024']
  const starting = startRedisServer({ port, rdb, args: slow })
  t.teardown(async () => (await starting).kill())
  const { link, logger } = openLink(t, { REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_HEARTBEAT: '500ms' })
  await until('it is up', () => link.available, 60_000)
  t.equal(await link.run((commands) => commands.get('key:7')), value)
  t.match(link.counts(), { commands: { lost: 0, connected: 1 }, subscriber: { lost: 0 } })
  t.notOk(
    logger.lines.some((line) => /silent/.test(JSON.stringify(line))),
    'nor is it said to be silent',
  )
})
