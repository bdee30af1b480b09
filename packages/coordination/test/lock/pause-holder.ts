import { setTimeout as pause } from 'node:timers/promises'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createLocks } from '../../src/index.ts'
import { writeBoth } from './pause-store.ts'

/** A process that takes a lock again and again, looks whether it has it, does some work, and writes. */
const plan: { port: number; ttl: number } = JSON.parse(process.argv[2] ?? '')
const logger = { info() {}, warn() {}, error() {} }
const settings = readSettings(RedisSettings, { REDIS_URL: `redis://127.0.0.1:${plan.port}` })
const link = openRedis(settings, 'holder', logger)
const locks = createLocks({ redis: link, prefix: 'shop', logger })
await link.whenAvailable(30_000)

for (;;) {
  const lock = await locks.acquire('book', { ttl: plan.ttl, wait: '60s' })
  if (lock.held) {
    say(`held ${lock.fence}`)
    await pause(500)
    // After a pause of the process this comes before anything has told it that its lease is over.
    const accepted = await until(() => writeBoth(link, lock.fence))
    say(`wrote ${lock.fence} ${accepted}`)
  }
  await lock.release()
  say(`released ${lock.fence}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A stopped process finds its commands late when it goes on: a store asks again. */
async function until<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action()
    } catch {
      await pause(20)
    }
  }
}
