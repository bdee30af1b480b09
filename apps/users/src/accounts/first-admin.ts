import { faultOf } from '@lockstep/postgres'
import { SecretSetting, SettingsError } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Passwords } from '../passwords/passwords.ts'
import { parseEmail } from './email.ts'
import type { UserRepository } from './repository.ts'
import { NewPassword } from './user.ts'

/** The first admin, whom `prepare.ts` makes; the service itself does not look at these. */
export const AdminSettings = Type.Object({
  ADMIN_EMAIL: Type.Optional(Type.String({ description: 'The address of the first admin' })),
  ADMIN_PASSWORD: Type.Optional(SecretSetting({ description: 'His password, 12 to 128 characters' })),
})

export type AdminSettings = StaticDecode<typeof AdminSettings>

/** What became of the first admin. `none`: nobody was asked for. */
export type FirstAdmin = 'created' | 'present' | 'none'

const isPassword = Compile(NewPassword)

/**
 * Makes the account of ADMIN_EMAIL, an admin. One that is there already is left as it is: neither is its password set back,
 * nor is somebody made an admin who was quicker to register with the address.
 *
 * @throws {SettingsError} for an address or a password that cannot be
 */
export async function firstAdmin(
  repository: UserRepository,
  passwords: Passwords,
  { ADMIN_EMAIL, ADMIN_PASSWORD }: AdminSettings,
): Promise<FirstAdmin> {
  if (ADMIN_EMAIL === undefined && ADMIN_PASSWORD === undefined) return 'none'
  const email = parseEmail(ADMIN_EMAIL ?? '')
  const problems = [
    ...(email ? [] : ['ADMIN_EMAIL is not an email address']),
    ...(isPassword.Check(ADMIN_PASSWORD) ? [] : ['ADMIN_PASSWORD does not have 12 to 128 characters']),
  ]
  if (!email || ADMIN_PASSWORD === undefined || problems.length > 0) throw new SettingsError(problems)
  if ((await repository.idByEmail(email.key)) !== undefined) return 'present'
  try {
    const passwordHash = await passwords.hash(ADMIN_PASSWORD)
    await repository.create({ email, name: 'Admin', passwordHash, roles: ['admin'] })
    return 'created'
  } catch (error) {
    // Two starts at once: the other was first.
    if (faultOf(error).kind === 'unique') return 'present'
    throw error
  }
}
