import { SettingsError } from '@lockstep/settings'
import type { StandardSettings } from './settings.ts'

/** The keys that a service signs with. */
export interface Keys {
  readonly token: readonly string[]
  readonly cookie: string
  /** The settings that were not there, whose values were made up: they hold for this process alone. */
  readonly madeUp: readonly string[]
}

/**
 * @param random makes up a key
 * @throws {SettingsError} in production, naming each that is missing
 */
export function keysOf(settings: StandardSettings, random: () => string): Keys {
  const { TOKEN_KEY, SESSION_COOKIE_SECRET } = settings
  const missing = Object.entries({ TOKEN_KEY, SESSION_COOKIE_SECRET }).flatMap(([name, value]) =>
    value === undefined ? [name] : [],
  )
  if (missing.length > 0 && settings.NODE_ENV === 'production') {
    throw new SettingsError(missing.map((name) => `${name} is not set, which it must be in production`))
  }
  return {
    token: (TOKEN_KEY ?? random()).split(','),
    cookie: SESSION_COOKIE_SECRET ?? random(),
    madeUp: missing,
  }
}
