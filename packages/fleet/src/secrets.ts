import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Environment } from '@lockstep/settings'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { FleetError } from './errors.ts'
import type { Home } from './home.ts'

const Secrets = Type.Object({
  TOKEN_KEY: Type.String(),
  SESSION_COOKIE_SECRET: Type.String(),
  ADMIN_TOKEN: Type.String(),
  ADMIN_EMAIL: Type.String(),
  ADMIN_PASSWORD: Type.String(),
})

/**
 * What the services sign with, and what makes a person an admin. They are made up by the first start of a home and kept
 * there for its owner alone; none is ever printed or logged.
 */
export type Secrets = Static<typeof Secrets>
export type SecretName = keyof Secrets

export const SECRET_NAMES = [
  'TOKEN_KEY',
  'SESSION_COOKIE_SECRET',
  'ADMIN_TOKEN',
  'ADMIN_EMAIL',
  'ADMIN_PASSWORD',
] as const

const ADMIN_NAMES = ['ADMIN_TOKEN', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'] as const

/** Base64 without what shells and separators take for their own. */
const madeUp = (): Secrets => ({
  TOKEN_KEY: randomBytes(32).toString('base64url'),
  SESSION_COOKIE_SECRET: randomBytes(32).toString('base64url'),
  ADMIN_TOKEN: randomBytes(24).toString('base64url'),
  ADMIN_EMAIL: 'admin@bookshop.example',
  ADMIN_PASSWORD: randomBytes(18).toString('base64url'),
})

/**
 * The secrets of a home, made up when it has none; what the environment says comes before them. Leaves a file that a shell
 * can read with those of an admin, but for what the environment says, which is not written down.
 *
 * @throws {FleetError} FLEET_SECRETS_UNREADABLE for a file of them that is not as it was written
 */
export function openSecrets(home: Home, env: Environment): Secrets {
  const kept = readKept(home.secretsFile) ?? madeUp()
  writePrivate(home.secretsFile, `${JSON.stringify(kept, undefined, 2)}\n`)
  writePrivate(home.adminFile, adminLines(kept, env))
  const told = SECRET_NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : []))
  return { ...kept, ...Object.fromEntries(told) }
}

function readKept(file: string): Secrets | undefined {
  if (!existsSync(file)) return undefined
  try {
    return Value.Parse(Secrets, JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    throw new FleetError(
      'FLEET_SECRETS_UNREADABLE',
      `${file} does not hold the secrets of a fleet. Remove it, and the next start makes new ones: rm ${file}`,
    )
  }
}

function adminLines(kept: Secrets, env: Environment): string {
  const lines = ADMIN_NAMES.map((name) =>
    env[name] ? `# ${name} is the one of the environment of npm start` : `export ${name}='${kept[name]}'`,
  )
  return `# For a shell: who has these is an admin of the fleet.\n${lines.join('\n')}\n`
}

/** Never there for others to read, not even for a moment, and never half written. */
function writePrivate(file: string, text: string): void {
  const partial = `${file}.partial`
  writeFileSync(partial, text, { mode: 0o600 })
  chmodSync(partial, 0o600)
  renameSync(partial, file)
}
