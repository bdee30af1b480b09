import { type RunningPostgres, type RunningServer, startPostgres, startRedisServer } from '@lockstep/servers'

/** The part of a tap test that cleans up after it. */
export interface Teardown {
  teardown(action: () => unknown): void
}

/** A redis-server for the length of a test. @param port when it must be a certain one, to come back as it was */
export async function testRedis(t: Teardown, port?: number): Promise<RunningServer> {
  const redis = await startRedisServer(port === undefined ? {} : { port })
  t.teardown(() => redis.kill())
  return redis
}

/** A throwaway Postgres for the length of a test. */
export async function testPostgres(t: Teardown): Promise<RunningPostgres> {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  return postgres
}
