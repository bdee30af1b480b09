import { RedisArgumentError, RedisValueError } from './errors.ts'

/** Makes what is kept of a value, or throws when it is not one. */
export type Decode<T> = (value: unknown) => T

/** @throws {RedisArgumentError} for a value that JSON has no text for */
export function encodeJson(value: unknown): string {
  const text = stringify(value)
  if (text === undefined) throw new RedisArgumentError(`JSON has no text for ${typeof value}`)
  return text
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new RedisArgumentError('the value cannot be written as JSON', { cause })
  }
}

/** @throws {RedisValueError} for a text that is not JSON, or that `decode` throws for */
export function decodeJson<T>(key: string, text: string, decode: Decode<T>): T {
  try {
    return decode(JSON.parse(text))
  } catch (cause) {
    throw new RedisValueError(key, 'a value that cannot be read', { cause })
  }
}
