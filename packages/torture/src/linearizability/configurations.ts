import { seeded } from '../random.ts'

interface Known {
  readonly effective: Uint32Array
  readonly value: number
}

/**
 * Which operations have taken effect, as a set of bits that is changed in place, and all such sets with the value they left
 * that were ever entered. A set is found by a hash that changes with each bit, and then compared in full.
 */
export class Configurations {
  readonly #effective: Uint32Array
  readonly #marks: readonly number[]
  readonly #known = new Map<number, Known[]>()
  #hash = 0

  /**
   * @param operations how many there are
   * @param random from 0 up to 1, for the hash
   */
  constructor(operations: number, random: () => number = seeded(operations)) {
    this.#effective = new Uint32Array(Math.ceil(operations / 32))
    this.#marks = Array.from({ length: operations }, () => Math.floor(random() * 2 ** 32) | 0)
  }

  /** Lets an operation take effect; false, and nothing has changed, when it would lead to where the search was before. */
  enter(index: number, value: number): boolean {
    this.#flip(index)
    const hash = (this.#hash ^ Math.imul(value, 0x9e3779b1)) | 0
    const known = this.#known.get(hash) ?? []
    this.#known.set(hash, known)
    if (known.some((other) => other.value === value && same(other.effective, this.#effective))) {
      this.#flip(index)
      return false
    }
    known.push({ effective: this.#effective.slice(), value })
    return true
  }

  leave(index: number): void {
    this.#flip(index)
  }

  #flip(index: number): void {
    const word = index >>> 5
    this.#effective[word] = (this.#effective[word] ?? 0) ^ (1 << (index & 31))
    this.#hash ^= this.#marks[index] ?? 0
  }
}

const same = (a: Uint32Array, b: Uint32Array) => a.every((word, index) => word === b[index])
