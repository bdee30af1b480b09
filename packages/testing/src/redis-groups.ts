import {
  type ClusterOptions,
  type RunningCluster,
  type RunningSentinel,
  startCluster,
  startSentinel,
} from '@lockstep/servers'
import type { Teardown } from './servers.ts'

/** A primary, a replica and three sentinels for the length of a test; a machine that is busy is not yet a primary that is dead. */
export async function testSentinel(t: Teardown): Promise<RunningSentinel> {
  const sentinel = await startSentinel({ downAfter: 1500 })
  t.teardown(() => sentinel.stop())
  return sentinel
}

/** A Redis Cluster for the length of a test: three masters with a replica each unless told, and as patient. */
export async function testCluster(t: Teardown, options?: ClusterOptions): Promise<RunningCluster> {
  const cluster = await startCluster({ nodeTimeout: 2500, ...options })
  t.teardown(() => cluster.stop())
  return cluster
}
