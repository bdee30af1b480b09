import type { Cache, Invalidated, Reading, ReadOptions, WriteToken } from '@lockstep/cache'
import { faultOf } from '@lockstep/postgres'
import { PAGES, type Paging, type UserCaches } from './caches.ts'
import { type Email, emailOf } from './email.ts'
import type { LogOuts } from './log-outs.ts'
import type { AccountChange, Changed, Deleted, NewAccount, UserRepository } from './repository.ts'
import type { User, UserPage } from './user.ts'

/** For so long nobody caches an account whose writer died: longer than a write's queries may take. */
const LONGEST_WRITE = '25s'

/** What became of a write, and what tells other replicas to read nothing older. */
interface Written<T> {
  readonly result: T
  readonly written: readonly { readonly token: WriteToken }[]
}

/**
 * Accounts. Reads go through the cache (cache-aside). A write is made under an intent (`mutate`) on all entries that it
 * changes, the account and its addresses before and after, so that a replica that dies between the commit and the eviction
 * leaves nothing stale; the new state is written through. Pages of the list are dropped by their tag.
 *
 * Another password, other roles and the end of an account log its user out everywhere before the write has its answer.
 */
export interface Accounts {
  user(id: number, options?: ReadOptions): Promise<Reading<User>>
  /** The reading is of the account; undefined when nobody has the address. */
  userByEmail(email: Email, options?: ReadOptions): Promise<Reading<User> | undefined>
  page(paging: Paging, options?: ReadOptions): Promise<Reading<UserPage>>
  /** @throws a unique violation when another account has the address; also `change` */
  create(account: NewAccount): Promise<Written<User>>
  /** @throws {ProblemError} 503 for what logs out, while Redis does not answer; also `remove` */
  change(id: number, change: AccountChange): Promise<Written<Changed>>
  remove(id: number, version: number | undefined): Promise<Written<Deleted>>
}

export function createAccounts(
  repository: UserRepository,
  cache: Cache,
  { users, emails, pages }: UserCaches,
  logOuts: LogOuts,
): Accounts {
  // Who has an account may change it without Redis; what must be evicted is, when Redis is back.
  const how = { whenAway: 'run', lifetime: LONGEST_WRITE } as const

  /** What a write makes stale besides the entries that it was declared for. */
  const evictAround = (...keys: string[]): Promise<Invalidated> => cache.invalidate({ keys, tags: [PAGES] })

  /** A write whose answer is lost may have been committed: `mutate` evicts what it was declared for, and this the pages. */
  async function orEvict<T>(write: Promise<T>): Promise<T> {
    try {
      return await write
    } catch (error) {
      if (faultOf(error).kind !== 'unique') await evictAround()
      throw error
    }
  }

  /** The entry of the address that an account has now, by the database. */
  async function addressOf(id: number): Promise<string[]> {
    const [user] = await repository.byIds([id])
    return user ? [keyOfAddress(user)] : []
  }

  const keyOfAddress = ({ email }: User) => emails.key(emailOf(email).key)

  return {
    user: (id, options) => users.read(id, options),

    async userByEmail({ key }, options) {
      const id = await emails.get(key, options)
      return id === undefined ? undefined : users.read(id, options)
    },

    page: (paging, options) => pages.read(paging, options),

    async create(account) {
      const { key } = account.email
      const writing = cache.mutate(
        [emails.key(key)],
        async (mutation) => {
          const user = await repository.create(account)
          mutation.put(emails, key, user.id)
          return user
        },
        how,
      )
      const mutated = await orEvict(writing)
      // That there is nobody with this id may be cached.
      return { result: mutated.value, written: [mutated, await evictAround(users.key(mutated.value.id))] }
    },

    async change(id, change) {
      if (change.password || change.roles) await logOuts.assertPossible(id)
      const { email } = change
      const names = email ? [...(await addressOf(id)), emails.key(email.key)] : []
      const writing = cache.mutate(
        [users.key(id), ...new Set(names)],
        async (mutation) => {
          const changed = await repository.change(id, change)
          if (changed.kind !== 'done') return changed
          mutation.put(users, id, changed.user)
          if (email) mutation.put(emails, email.key, id)
          return changed
        },
        how,
      )
      const mutated = await orEvict(writing)
      const { value } = mutated
      if (value.kind !== 'done') return { result: value, written: [mutated] }
      if (value.logOut !== undefined) await logOuts.settle(value.logOut, id)
      // The address before may have been another than a moment ago.
      const old = email && keyOfAddress(value.before) !== emails.key(email.key) ? [value.before] : []
      return { result: value, written: [mutated, await evictAround(...old.map(keyOfAddress))] }
    },

    async remove(id, version) {
      await logOuts.assertPossible(id)
      const writing = cache.mutate(
        [users.key(id), ...(await addressOf(id))],
        () => repository.remove(id, version),
        how,
      )
      const mutated = await orEvict(writing)
      const { value } = mutated
      if (value.kind !== 'done') return { result: value, written: [mutated] }
      await logOuts.settle(value.logOut, id)
      return { result: value, written: [mutated, await evictAround(keyOfAddress(value.before))] }
    },
  }
}
