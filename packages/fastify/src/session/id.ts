import { hash, randomBytes } from 'node:crypto'
import { SessionUseError } from './errors.ts'

/**
 * A session's id is a tag of 22 characters and 192 random bits in 32, all base64url. The tag is made of the user's id, or is
 * random for an anonymous session. It says where things lie, and opens nothing: with it, one script finds the record and
 * the user's generation in one shard, before anybody knows whose session it is.
 */
const TAG = 22
const ID = /^[\w-]{54}$/
const LONGEST_USER = 200

/** Random bytes, as of `node:crypto`. */
export type Random = (size: number) => Buffer

/** @throws {SessionUseError} for what cannot be a user's id: an empty text would be an anonymous session */
export function tagOfUser(user: string): string {
  if (user === '' || user.length > LONGEST_USER) {
    throw new SessionUseError(`a user's id has 1 to ${LONGEST_USER} characters, not ${user.length}`)
  }
  return hash('sha256', user, 'base64url').slice(0, TAG)
}

/** An id that nobody can guess. @param user undefined: of an anonymous session */
export function newId(user: string | undefined, random: Random = randomBytes): string {
  const tag = user === undefined ? random(16).toString('base64url') : tagOfUser(user)
  return tag + random(24).toString('base64url')
}

export const isId = (text: string): boolean => ID.test(text)

export const tagOf = (id: string): string => id.slice(0, TAG)

/** What the id is known by everywhere but in its cookie: nobody gets from it to the id. */
export const referenceOf = (id: string): string => hash('sha256', id, 'base64url')
