/** How many are inside, for whoever must not go on before the last has left. */
export class Presence {
  #inside = 0
  #empty: PromiseWithResolvers<void> | undefined

  enter(): void {
    this.#inside++
  }

  leave(): void {
    this.#inside--
    if (this.#inside > 0) return
    this.#empty?.resolve()
    this.#empty = undefined
  }

  /** Resolves when nobody is inside. */
  async empty(): Promise<void> {
    if (this.#inside === 0) return
    this.#empty ??= Promise.withResolvers()
    await this.#empty.promise
  }
}
