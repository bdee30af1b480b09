export { codeOf, ServersError, type ServersErrorCode } from './errors.ts'
export {
  type Exit,
  type Leashed,
  type LeashedCommand,
  type LeashedNode,
  type StopSignal,
  spawnLeashed,
  spawnLeashedNode,
} from './leash/spawn.ts'
export { freePort, freePortFrom, portFree } from './ports.ts'
export { postgresIn } from './postgres/occupant.ts'
export { foldersOfPostgres } from './postgres/place.ts'
export { type PostgresOptions, type RunningPostgres, startPostgres } from './postgres/start.ts'
export {
  type ClusterNode,
  type ClusterOptions,
  type RunningCluster,
  startCluster,
} from './redis/cluster.ts'
export { findRedisServer, strategies } from './redis/find.ts'
export type { Migration } from './redis/migration.ts'
export { type RunningSentinel, startSentinel } from './redis/sentinel.ts'
export { snapshotOf } from './redis/snapshot.ts'
export { type RedisOptions, startRedisServer } from './redis/start.ts'
export type { RedisServer, Strategy, Surroundings } from './redis/strategy.ts'
export { type Run, type RunOptions, type RunResult, runCommand } from './run.ts'
export type { RunningServer } from './running.ts'
