import process from 'node:process'
import { createLocks } from '@lockstep/coordination'
import { fenced } from '@lockstep/postgres'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { faultProxy, recordingLogger, until } from '@lockstep/testing'
import { test } from 'tap'
import { ADMIN, items, openRig } from './fixtures/rig.ts'

await test('a worker that is paused past its lease, with its first write on the way', async (t) => {
  const rig = await openRig(t)
  const proxy = await faultProxy(rig.postgres.port)
  t.teardown(() => proxy.close())
  const url = new URL(rig.postgres.url)
  url.port = String(proxy.port)
  const [placer, paused] = await Promise.all([
    rig.replica('orders-placer', { ORDERS_CONCURRENCY: '0' }),
    rig.replica('orders-paused', {
      DATABASE_URL: url.href,
      ORDERS_CONCURRENCY: '1',
      ORDERS_LOCK_TTL: '1s',
      ORDERS_POLL: '2s',
    }),
  ])
  const logger = recordingLogger()
  const redis = openRedis(readSettings(RedisSettings, rig.env), 'tests', logger)
  const locks = createLocks({ redis, prefix: 'shop', logger })
  t.teardown(async () => {
    await locks.close()
    await redis.close()
  })
  const ana = await rig.tokenOf('1')
  const look = async (id: number) => {
    const [order, history] = await Promise.all(
      ['', '/history'].map((path) => placer.call('GET', `/orders/${id}${path}`, { token: ana })),
    )
    return { state: order?.body.state, processed: history?.body.items[1] }
  }

  /**
   * Has the worker take the lock of a new order, and stops it in the moment in which it begins its transaction; resolves when
   * its lease is over and somebody else has the lock.
   */
  async function pauseWithLock(key: string) {
    let stopped = false
    // Nothing is delayed: the proxy is asked before anything passes, and that is the moment.
    proxy.delay({}, ({ said }) => {
      if (stopped || !said.includes('begin')) return false
      process.kill(paused.pid, 'SIGSTOP')
      stopped = true
      return false
    })
    // The proxy knows what a connection says first, so the worker's are always new.
    const calm = proxy.resetEvery(10_000)
    const { body } = await placer.call('POST', '/orders', { token: ana, key, body: items([1, 1]) })
    await until('the worker is stopped as it begins to write', () => stopped, 120_000)
    calm()
    const later = await locks.acquire(`order:${body.id}`, { ttl: '1m', wait: '1m' })
    return { id: Number(body.id), later }
  }

  const resume = () => process.kill(paused.pid, 'SIGCONT')

  await t.test('control: when no later holder has written, its write is kept', async (t) => {
    const { id, later } = await pauseWithLock('control')
    resume()
    // Until it is announced, too: that begins another transaction.
    await until('it has written', async () => (await look(id)).state === 'completed', 60_000)
    const { processed } = await look(id)
    t.match(processed, { state: 'processed', replica: 'orders-paused' })
    t.ok(processed.fence < later.fence, 'under the fence of a lock that it had lost')
    await later.release()
  })

  await t.test('S4 S3 when a later holder has written, the fence refuses it', async (t) => {
    const { id, later } = await pauseWithLock('refused')
    await fenced(rig.database.db, { resource: `order:${id}`, fence: later.fence }, async () => {})
    resume()
    await until('it was told', () => paused.output().includes('came too late'), 60_000)
    t.match(paused.output(), `fence`)
    t.match(await look(id), { state: 'placed', processed: undefined })

    await later.release()
    const byHand = await placer.call('POST', `/orders/${id}/process`, { token: ADMIN })
    t.match(byHand, { status: 200, body: { state: 'processed' } })
    const { processed } = await look(id)
    t.match(processed, { actor: 'operator', replica: 'orders-placer' })
    t.ok(processed.fence > later.fence, 'whoever comes next has a higher fence')
  })
})
