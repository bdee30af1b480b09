import { randomBytes } from 'node:crypto'

const POOL = 4096
const INCARNATION_BYTES = 6
const TOKEN_BYTES = 12

/**
 * What every run of a script carries: an incarnation below 2^48, should it have to begin one, and a token for the change
 * that it makes. Never the same twice, also when a script is run again, so that no two histories can be mistaken.
 */
export function candidates(): () => [incarnation: number, token: string] {
  let pool = randomBytes(POOL)
  let used = 0
  return () => {
    if (used + INCARNATION_BYTES + TOKEN_BYTES > POOL) {
      pool = randomBytes(POOL)
      used = 0
    }
    const incarnation = pool.readUIntBE(used, INCARNATION_BYTES)
    const token = pool.toString('base64url', used + INCARNATION_BYTES, used + INCARNATION_BYTES + TOKEN_BYTES)
    used += INCARNATION_BYTES + TOKEN_BYTES
    return [incarnation, token]
  }
}
