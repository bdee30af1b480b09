import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { type Cost, formatPhc, parsePhc } from './phc.ts'
import { createQueue } from './queue.ts'

const SALT_BYTES = 16
const TAG_BYTES = 32

/** `outdated`: it is right, and should be hashed anew, for less was spent on it than is today. */
export type Verdict = 'right' | 'outdated' | 'wrong'

/** Passwords as they are kept: by argon2id (RFC 9106), never as they are. All methods may throw {@link PasswordsBusyError}. */
export interface Passwords {
  /** The text to store. */
  hash(password: string): Promise<string>
  /** @param stored undefined where there is no account: the same work is done, so that the time does not tell */
  verify(password: string, stored: string | undefined): Promise<Verdict>
}

export interface PasswordOptions extends Pick<Cost, 'memory' | 'passes'> {
  readonly concurrency: number
  readonly waiting: number
}

const derive = promisify<'argon2id', Argon2Parameters, Buffer>(argon2)

/** Composed, as one keyboard writes `é` in one code point and another in two (RFC 8265, OpaqueString). */
const bytesOf = (password: string) => Buffer.from(password.normalize('NFC'))

export function createPasswords({ memory, passes, concurrency, waiting }: PasswordOptions): Passwords {
  const cost: Cost = { memory, passes, parallelism: 1 }
  const inTurn = createQueue({ concurrency, waiting })

  const tagOf = (password: string, { salt, length, ...spent }: Cost & { salt: Buffer; length: number }) =>
    inTurn(() => derive('argon2id', { ...spent, message: bytesOf(password), nonce: salt, tagLength: length }))

  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES)
      return formatPhc({ ...cost, salt, tag: await tagOf(password, { ...cost, salt, length: TAG_BYTES }) })
    },

    async verify(password, stored) {
      if (stored === undefined) {
        await tagOf(password, { ...cost, salt: randomBytes(SALT_BYTES), length: TAG_BYTES })
        return 'wrong'
      }
      const hashed = parsePhc(stored)
      if (!hashed) throw new Error('A password is stored as something else than a PHC string of argon2id')
      const { tag, ...how } = hashed
      const given = await tagOf(password, { ...how, length: tag.length })
      if (!timingSafeEqual(given, tag)) return 'wrong'
      return how.memory < memory || how.passes < passes || tag.length < TAG_BYTES ? 'outdated' : 'right'
    },
  }
}
