import type { Cache, NamedCache } from '@lockstep/cache'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { AccountSettings } from '../config.ts'
import type { UserRepository } from './repository.ts'
import { User, UserPage } from './user.ts'

/** Which part of the list of accounts. */
export interface Paging {
  readonly skip: number
  readonly limit: number
}

/** The caches of accounts. The hash of a password is in none of them. */
export interface UserCaches {
  readonly users: NamedCache<number, User>
  /** Which account has an address, by the address as it is compared. */
  readonly emails: NamedCache<string, number>
  /** Pages of the list, which only admins see. */
  readonly pages: NamedCache<Paging, UserPage>
}

/** What evicts all pages: any of them may show the account that was written. */
export const PAGES = 'user-pages'

const isUser = Compile(User)
const isId = Compile(Type.Integer())
const isPage = Compile(UserPage)

export function userCaches(cache: Cache, repository: UserRepository, settings: AccountSettings): UserCaches {
  const negativeTtl = settings.CACHE_TTL_ABSENT
  const ttl = settings.CACHE_TTL_USERS
  const staleIfError = settings.CACHE_STALE_IF_ERROR
  return {
    users: cache.define({
      name: 'users',
      version: 1,
      key: (id: number) => id,
      loadMany: (ids) => repository.byIds(ids),
      accepts: (stored) => isUser.Check(stored),
      versionOf: ({ version }) => version,
      ttl,
      negativeTtl,
      staleIfError,
    }),
    emails: cache.define({
      name: 'user-emails',
      version: 1,
      key: (key: string) => key,
      load: (key) => repository.idByEmail(key),
      accepts: (stored) => isId.Check(stored),
      ttl,
      negativeTtl,
      staleIfError,
    }),
    pages: cache.define({
      name: 'user-pages',
      version: 1,
      key: ({ skip, limit }: Paging) => `${skip}-${limit}`,
      load: async (paging) => ({ ...(await repository.page(paging)), ...paging }),
      accepts: (stored) => isPage.Check(stored),
      tags: () => [PAGES],
      ttl: settings.CACHE_TTL_LISTS,
      maxEntries: settings.CACHE_L1_PAGES,
    }),
  }
}
