/** The lock was not had within the wait. */
export class LockTimeoutError extends Error {
  readonly code = 'LOCKSTEP_LOCK_TIMEOUT'
  readonly resource: string
  /** Milliseconds. */
  readonly waited: number
  /** How long the lease of who holds it has still to run, in ms, as far as is known. */
  readonly holderRest: number | undefined

  constructor(
    resource: string,
    waited: number,
    { holderRest, cause }: { holderRest?: number | undefined; cause?: unknown },
  ) {
    const why =
      cause === undefined
        ? holderRest === undefined
          ? 'others were there first'
          : `its holder's lease has ${Math.ceil(holderRest)} ms to run`
        : 'Redis does not answer'
    super(`Waited ${Math.round(waited)} ms in vain for the lock of ${resource}: ${why}`, { cause })
    this.name = 'LockTimeoutError'
    this.resource = resource
    this.waited = waited
    this.holderRest = holderRest
  }
}

/**
 * Why a lock was lost: its lease ran out before a renewal was answered; Redis knows of no such lease (any more); it was
 * held for its whole `maxHold`; or its locks object was closed.
 */
export type LossReason = 'expired' | 'gone' | 'max hold' | 'closed'

const LOSSES: Record<LossReason, string> = {
  expired: 'its lease ran out before it could be renewed',
  gone: 'Redis knows of no such lease',
  'max hold': 'it was held for its whole maxHold',
  closed: 'its locks were closed',
}

/** The lock is not the holder's any more: somebody else may have it. It is also the reason that its signal aborts with. */
export class LockLostError extends Error {
  readonly code = 'LOCKSTEP_LOCK_LOST'
  readonly resource: string
  readonly reason: LossReason

  constructor(resource: string, reason: LossReason) {
    super(`The lock of ${resource} is lost: ${LOSSES[reason]}`)
    this.name = 'LockLostError'
    this.resource = resource
    this.reason = reason
  }
}

/** The lock was released, and then relied on. */
export class LockNotHeldError extends Error {
  readonly code = 'LOCKSTEP_LOCK_NOT_HELD'
  readonly resource: string

  constructor(resource: string) {
    super(`The lock of ${resource} has been released`)
    this.name = 'LockNotHeldError'
    this.resource = resource
  }
}

/** Nobody can say whether the lock is free: Redis does not answer. What was asked, if anything, is taken back. */
export class LockUnavailableError extends Error {
  readonly code = 'LOCKSTEP_LOCK_UNAVAILABLE'
  readonly resource: string

  constructor(resource: string, options: ErrorOptions) {
    super(`The lock of ${resource} cannot be asked for: Redis does not answer`, options)
    this.name = 'LockUnavailableError'
    this.resource = resource
  }
}

/** Fewer replicas than asked for have heard of the lock in time; it was given back. */
export class LockNotDurableError extends Error {
  readonly code = 'LOCKSTEP_LOCK_NOT_DURABLE'
  readonly resource: string

  constructor(resource: string, heard: number, wanted: number) {
    super(`The lock of ${resource} was given back: ${heard} of ${wanted} replicas heard of it in time`)
    this.name = 'LockNotDurableError'
    this.resource = resource
  }
}

/** The locks object was closed while the caller waited. */
export class LocksClosedError extends Error {
  readonly code = 'LOCKSTEP_LOCKS_CLOSED'

  constructor() {
    super('The locks were closed')
    this.name = 'LocksClosedError'
  }
}

/** An option or a resource's name that makes no sense. */
export class LockOptionError extends RangeError {
  readonly code = 'LOCKSTEP_LOCK_OPTION'

  constructor(message: string) {
    super(message)
    this.name = 'LockOptionError'
  }
}

/** Redis answered with something that the script does not say: another program writes under our prefix. */
export class LockReplyError extends TypeError {
  readonly code = 'LOCKSTEP_LOCK_REPLY'

  constructor(resource: string, reply: unknown) {
    super(`The lock of ${resource} is not what it should be in Redis: ${String(reply)}`)
    this.name = 'LockReplyError'
  }
}
