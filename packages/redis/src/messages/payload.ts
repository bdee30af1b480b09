import type { Decode } from '../structures/json.ts'

/** The value of a message, or what is wrong with it: told without the payload, which is not ours to repeat. */
export function readPayload<T>(payload: string, decode: Decode<T>): { value: T } | { wrong: string } {
  let json: unknown
  try {
    json = JSON.parse(payload)
  } catch {
    return { wrong: 'it is not JSON' }
  }
  try {
    return { value: decode(json) }
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : 'decode threw' }
  }
}
