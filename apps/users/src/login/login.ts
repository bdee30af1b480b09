import type { Policy } from '@lockstep/coordination'
import type { Email } from '../accounts/email.ts'
import type { UserRepository } from '../accounts/repository.ts'
import type { User } from '../accounts/user.ts'
import type { Passwords } from '../passwords/passwords.ts'

/** What became of an attempt. Whether there is an account is in none of them. */
export type LoggedIn<T> =
  | { kind: 'done'; user: User; begun: T }
  | { kind: 'refused' }
  | { kind: 'limited'; retryAfterMs: number }

/** What a check of a password came to. */
type Checked = { kind: 'right'; hash: string } | Exclude<LoggedIn<never>, { kind: 'done' }>

/** Who a user is, shown by a password. */
export interface Login {
  /**
   * @param begin gives the user what he is logged in with: a session or a token, of this generation
   * @throws {ProblemError} 503 when Redis does not answer: nobody is logged in then who could not be logged out
   */
  logIn<T>(
    email: Email,
    password: string,
    begin: (user: User, generation: string) => Promise<T>,
  ): Promise<LoggedIn<T>>
  /** Checks the password of a user who is logged in, by the same limit. */
  check(id: number, email: Email, password: string): Promise<Checked>
}

export interface LoginOptions {
  readonly repository: UserRepository
  readonly passwords: Passwords
  /** Wrong passwords of an account, by its address. */
  readonly attempts: Policy
  /** Of a user's logins, which changes when he is logged out everywhere: that of `app.sessions`. */
  readonly generation: (user: string) => Promise<string>
  /** Counts a login. What goes wrong there takes nothing from it. */
  readonly count: (user: number) => Promise<void>
  readonly logger: { warn(details: object, message: string): void }
}

/** Nobody: users are numbered from 1. */
const NOBODY = 0

/**
 * The order of what is done is what makes it safe, and what is done is the same whether or not there is an account:
 *
 * 1. The attempt is counted, before anything of the account is known.
 * 2. The generation is asked for, and only then is the stored password read. So whoever logs in with a password that is
 *    changed meanwhile has a generation that is over.
 * 3. The password is checked, by the same work.
 */
export function createLogin(options: LoginOptions): Login {
  const { repository, passwords, attempts, generation, count, logger } = options
  const failed = (step: string) => (error: unknown) =>
    logger.warn({ step, reason: error instanceof Error ? error.message : String(error) }, 'after a login')

  async function attempt(email: Email): Promise<{ kind: 'limited'; retryAfterMs: number } | undefined> {
    const decision = await attempts.consume(email.key)
    return decision.allowed ? undefined : { kind: 'limited', retryAfterMs: decision.retryAfterMs }
  }

  return {
    async logIn(email, password, begin) {
      const limited = await attempt(email)
      if (limited) return limited
      const id = (await repository.idByEmail(email.key)) ?? NOBODY
      const current = await generation(String(id))
      const stored = await repository.credentials(id)
      const verdict = await passwords.verify(password, stored?.passwordHash)
      if (!stored || verdict === 'wrong') return { kind: 'refused' }
      const begun = await begin(stored.user, current)
      await Promise.all([
        attempts.forget(email.key).catch(failed('limit')),
        count(id).catch(failed('count')),
        verdict === 'outdated' && rehash(id, password, stored.passwordHash).catch(failed('rehash')),
      ])
      return { kind: 'done', user: stored.user, begun }
    },

    async check(id, email, password) {
      const limited = await attempt(email)
      if (limited) return limited
      const stored = await repository.credentials(id)
      const verdict = await passwords.verify(password, stored?.passwordHash)
      if (!stored || verdict === 'wrong') return { kind: 'refused' }
      await attempts.forget(email.key).catch(failed('limit'))
      return { kind: 'right', hash: stored.passwordHash }
    },
  }

  async function rehash(id: number, password: string, replaces: string): Promise<void> {
    await repository.rehash(id, await passwords.hash(password), replaces)
  }
}
