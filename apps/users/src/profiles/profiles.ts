import { type CommandLink, openHash } from '@lockstep/redis'
import type { Profile, ProfileChange } from './profile.ts'

type Preference = 'language' | 'theme'

/**
 * Profiles: one hash of Redis a user (requirement D1), that is not worth a row of the database. All reject with a
 * `RedisUnavailableError` when Redis is away.
 */
export interface Profiles {
  of(user: number): Promise<Profile>
  /** One field; undefined when the profile has none of this name. */
  field(user: number, name: keyof Profile): Promise<string | number | undefined>
  has(user: number, name: keyof Profile): Promise<boolean>
  change(user: number, change: ProfileChange): Promise<void>
  /** Tells whether there was one. */
  removeField(user: number, name: Preference): Promise<boolean>
  /** Counts a login, and remembers when it was. */
  loggedIn(user: number): Promise<void>
  remove(user: number): Promise<void>
}

export interface ProfileOptions {
  /** Begins every key. */
  readonly prefix: string
  /** Milliseconds that a profile lives after the last write to it. */
  readonly ttl: number
  readonly now?: () => number
}

export function openProfiles(link: CommandLink, { prefix, ttl, now = Date.now }: ProfileOptions): Profiles {
  const hash = openHash(link, {
    prefix,
    name: 'profiles',
    ttl,
    fields: { logins: 'integer', seen: 'integer', language: 'text', theme: 'text' },
  })
  return {
    async of(user) {
      const { logins = 0, seen, ...preferences } = (await hash.all(String(user))) ?? {}
      return { logins, lastLogin: seen === undefined ? null : dateOf(seen), ...preferences }
    },
    async field(user, name) {
      if (name !== 'lastLogin') return hash.get(String(user), name)
      const seen = await hash.get(String(user), 'seen')
      return seen === undefined ? undefined : dateOf(seen)
    },
    has: (user, name) => hash.has(String(user), name === 'lastLogin' ? 'seen' : name),
    async change(user, { language, theme }) {
      const wanted = [['language', language] as const, ['theme', theme] as const]
      for (const [name, value] of wanted) if (value === null) await hash.removeField(String(user), name)
      await hash.set(String(user), {
        ...(typeof language === 'string' ? { language } : {}),
        ...(typeof theme === 'string' ? { theme } : {}),
      })
    },
    removeField: (user, name) => hash.removeField(String(user), name),
    async loggedIn(user) {
      await Promise.all([
        hash.increment(String(user), 'logins'),
        hash.set(String(user), { seen: Math.floor(now()) }),
      ])
    },
    remove: async (user) => void (await hash.remove(String(user))),
  }
}

const dateOf = (ms: number) => new Date(ms).toISOString()
