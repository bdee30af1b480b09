export {
  LockLostError,
  LockNotDurableError,
  LockNotHeldError,
  LockOptionError,
  LockReplyError,
  LocksClosedError,
  LockTimeoutError,
  LockUnavailableError,
  type LossReason,
} from './errors.ts'
export type { FencedLock, Lock, Locks, Released } from './lock.ts'
export {
  createLocks,
  createQuorumLocks,
  createSemaphores,
  type LocksOptions,
  type QuorumOptions,
  type SemaphoreOptions,
} from './locks.ts'
export type { LockStats } from './stats.ts'
export type { AcquireOptions, TryOptions } from './terms.ts'
