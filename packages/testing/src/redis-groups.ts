import {
  type ClusterOptions,
  type RunningCluster,
  type RunningSentinel,
  startCluster,
  startSentinel,
} from '@lockstep/servers'
import type { Teardown } from './servers.ts'

/** A primary, a replica and three sentinels for the length of a test. */
export async function testSentinel(t: Teardown): Promise<RunningSentinel> {
  const sentinel = await startSentinel()
  t.teardown(() => sentinel.stop())
  return sentinel
}

/** A Redis Cluster for the length of a test: three masters with a replica each unless told. */
export async function testCluster(t: Teardown, options?: ClusterOptions): Promise<RunningCluster> {
  const cluster = await startCluster(options)
  t.teardown(() => cluster.stop())
  return cluster
}
