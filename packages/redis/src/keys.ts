/** Every key that Lockstep writes is built here (requirement K9). */
export interface KeySpace {
  /** Begins every key: `shop:{0}:`. The braces keep all keys of a shard in one slot of a Redis Cluster. */
  readonly root: string
  entry(name: string): string
  /** The right to fill an entry. */
  lease(name: string): string
  /** The generation of a whole cache: entries of another one read as absent. */
  generation(cache: string): string
}

/** @param prefix names the instance on a shared Redis, such as `shop` */
export function keySpace(prefix: string): KeySpace {
  const root = `${prefix}:{0}:`
  return {
    root,
    entry: (name) => root + name,
    lease: (name) => `${root}lease:${name}`,
    generation: (cache) => `${root}generation:${cache}`,
  }
}

/** The name of an entry as people write it, `books:v1:42`: cache, version of its shape, and id. */
export const entryName = (cache: string, id: string | number): string => `${cache}:${id}`

/** The name of a cache with the version of what it holds, `books:v1`. */
export const cacheName = (name: string, version: number): string => `${name}:v${version}`
