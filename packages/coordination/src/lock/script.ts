import { loadScript } from '@lockstep/redis'
import type { Answer, Fenced } from './backend.ts'
import { LockReplyError } from './errors.ts'

/** What may be asked of a resource; lua/locks.lua says what each does. */
export type Operation = 'acquire' | 'try' | 'renew' | 'release'

/** One script for all that the callers of a turn ask; its reply has an answer for each. */
export const locksScript = loadScript(new URL('./lua/locks.lua', import.meta.url), (reply): unknown[] => {
  if (Array.isArray(reply)) return reply
  throw new TypeError('Redis answered the script of the locks with something that is not a list')
})

/** @throws {LockReplyError} */
export function answerIn(resource: string, reply: unknown, turn: number): Answer<Fenced> {
  if (typeof reply === 'number' && reply > 0) return { kind: 'granted', grant: { fence: reply } }
  if (reply === -1) return { kind: 'void' }
  const [rest, again] = Array.isArray(reply) ? reply : []
  if (typeof rest === 'number' && typeof again === 'number')
    return { kind: 'taken', holderRest: rest, again, turn }
  throw new LockReplyError(resource, reply)
}

/** @throws {LockReplyError} */
export function flagIn(resource: string, reply: unknown): boolean {
  if (reply === 0 || reply === 1) return reply === 1
  throw new LockReplyError(resource, reply)
}
