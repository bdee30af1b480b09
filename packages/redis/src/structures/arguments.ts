import { RedisArgumentError } from './errors.ts'

/** What one command may take at most: Lua's stack holds 8000 arguments, and Redis serves nobody else meanwhile. */
const MOST = 1000

/** A whole number of things, 0 or more. @throws {RedisArgumentError} */
export function amount(name: string, given: number): number {
  if (!Number.isSafeInteger(given) || given < 0) throw refusal(name, 'a whole number, 0 or more', given)
  return given
}

/** How much a structure keeps: a whole number, 1 or more. @throws {RedisArgumentError} */
export function size(name: string, given: number): number {
  if (amount(name, given) === 0) throw refusal(name, 'a whole number, 1 or more', given)
  return given
}

/** A whole number that is exact as a double. @throws {RedisArgumentError} */
export function integer(name: string, given: number): number {
  if (!Number.isSafeInteger(given)) throw refusal(name, 'a whole number within ±2^53', given)
  return given
}

/** @throws {RedisArgumentError} */
export function finite(name: string, given: number): number {
  if (!Number.isFinite(given)) throw refusal(name, 'a finite number', given)
  return given
}

/** As many as one command may take. @throws {RedisArgumentError} */
export function several(name: string, given: readonly string[]): readonly string[] {
  if (given.length > MOST) throw refusal(name, `${MOST} at most`, given.length)
  return given
}

const refusal = (name: string, wanted: string, given: number): RedisArgumentError =>
  new RedisArgumentError(`${name} must be ${wanted}, not ${given}`)
