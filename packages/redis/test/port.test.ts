import type { Redis } from 'ioredis'
import { test } from 'tap'
import type { RedisCommands } from '../src/index.ts'

/** Compiles only while ioredis can stand where the port is asked for. */
const accepts = (redis: Redis): RedisCommands => redis

await test('ioredis is a RedisCommands', async (t) => {
  t.type(accepts, 'function')
})
