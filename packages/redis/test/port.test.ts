import type { Cluster, Redis } from 'ioredis'
import { test } from 'tap'
import type { RedisCommands } from '../src/index.ts'

/** Compiles only while ioredis can stand where the port is asked for. */
const accepts = (client: Redis | Cluster): RedisCommands => client

await test('ioredis is a RedisCommands', async (t) => {
  t.type(accepts, 'function')
})
