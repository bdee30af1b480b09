import type { Invalidations, MutationContext, MutationOptions } from './cache.ts'
import { DefinitionError } from './errors.ts'
import type { NamedCache } from './named-cache.ts'
import type { Definition } from './read/policy.ts'
import type { Mutated } from './write/mutation.ts'
import type { Invalidated } from './write/writes.ts'

/** How the results of a function are cached: a definition whose loader is the function itself. */
export interface CachedOptions<Args extends readonly unknown[], V>
  extends Omit<Definition<Args, V>, 'key' | 'load' | 'loadMany'> {
  /** The id of a result. Default: the arguments as JSON: texts, finite numbers, booleans, null and undefined. */
  readonly key?: (...args: Args) => string | number
}

/** A function whose results are cached, with the cache that they lie in. */
export interface Cached<Args extends readonly unknown[], V> {
  (...args: Args): Promise<V | undefined>
  readonly cache: NamedCache<Args, V>
}

/** What a function changes: named by its arguments and its result, and invalidated when it has resolved. */
export type InvalidatesOptions<Args extends readonly unknown[], R> = {
  readonly what: (args: Args, result: R) => Invalidations
}

/** What a function changes, known before it runs: then it runs inside of `mutate`, and may crash. */
export interface MutatesOptions<Args extends readonly unknown[]> extends MutationOptions {
  readonly names: (...args: Args) => readonly string[]
}

interface Caching {
  define<K, V>(definition: Definition<K, V>): NamedCache<K, V>
  invalidate(what: Invalidations): Promise<Invalidated>
  mutate<R>(
    names: readonly string[],
    work: (context: MutationContext) => Promise<R>,
    options?: MutationOptions,
  ): Promise<Mutated<R>>
}

/** The same function, asked only when neither tier has its result. */
export function cached<Args extends readonly unknown[], V>(
  caching: Caching,
  fn: (...args: Args) => Promise<V | undefined>,
  { key, ...definition }: CachedOptions<Args, V>,
): Cached<Args, V> {
  const cache = caching.define<Args, V>({
    ...definition,
    key: (args) => (key ? key(...args) : keyOfArguments(definition.name, args)),
    load: (args) => fn(...args),
  })
  return Object.assign((...args: Args) => cache.get(args), { cache })
}

/**
 * The same function, which invalidates what it has changed; or which declares before what it will change. A function that
 * rejects invalidates nothing by `what`, and everything that it declared by `names`.
 */
export function invalidates<Args extends readonly unknown[], R>(
  caching: Caching,
  fn: (...args: Args) => Promise<R>,
  options: InvalidatesOptions<Args, R> | MutatesOptions<Args>,
): (...args: Args) => Promise<R> {
  if ('names' in options) {
    const { names, ...how } = options
    return async (...args) => (await caching.mutate(names(...args), () => fn(...args), how)).value
  }
  return async (...args) => {
    const result = await fn(...args)
    await caching.invalidate(options.what(args, result))
    return result
  }
}

/** Arguments that differ never share a key: what JSON would take for null is something else here, or not fit. */
function keyOfArguments(name: string, args: readonly unknown[]): string {
  const fit = args.every((arg) =>
    typeof arg === 'number'
      ? Number.isFinite(arg)
      : arg === null || ['string', 'boolean', 'undefined'].includes(typeof arg),
  )
  if (fit) return JSON.stringify(args.map((arg) => (arg === undefined ? [] : arg)))
  throw new DefinitionError(`The arguments of ${name} are not all plain values: give it a key`)
}
