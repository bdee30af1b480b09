/** A policy was defined wrongly. */
export class LimitPolicyError extends Error {
  readonly code = 'LOCKSTEP_LIMIT_POLICY'

  /** @param name the policy's, as it was given */
  constructor(name: unknown, problem: string) {
    super(`The limit policy ${JSON.stringify(name)} ${problem}`)
    this.name = 'LimitPolicyError'
  }
}

/** What is to be limited has no name. */
export class LimitKeyError extends Error {
  readonly code = 'LOCKSTEP_LIMIT_KEY'

  constructor(policy: string) {
    super(
      `The policy ${policy} was asked about no key: give it a text of one character or more, such as user:7`,
    )
    this.name = 'LimitKeyError'
  }
}

/** More permits than the policy ever gives at once, or not a whole number of them. */
export class LimitCostError extends Error {
  readonly code = 'LOCKSTEP_LIMIT_COST'

  constructor(policy: string, cost: number, most: number) {
    super(`The policy ${policy} gives from 1 to ${most} permits at once, and a whole number, not ${cost}`)
    this.name = 'LimitCostError'
  }
}

/**
 * Redis answered a script with something else than it is written to. It is a TypeError, as the link takes any other fault
 * that Redis did not send for a lost connection.
 */
export class LimitReplyError extends TypeError {
  readonly code = 'LOCKSTEP_LIMIT_REPLY'

  constructor(policy: string, problem: string) {
    super(`Redis cannot keep the meters of the policy ${policy}: ${problem}`)
    this.name = 'LimitReplyError'
  }
}
