import { readHeader } from '../codec/entry.ts'
import { DefinitionError } from '../errors.ts'
import type { Store } from '../ports.ts'
import { globOf } from './glob.ts'
import type { Item } from './pending.ts'
import type { Invalidated, Writes } from './writes.ts'

/** What people want to be gone: names that match a glob, what has a tag, or all of a cache. */
export type Sweep = { readonly pattern: string } | { readonly tag: string } | { readonly cache: string }

export interface Swept extends Invalidated {
  /** How many entries that match lay in Redis, and are gone; what lay in memory alone is not among them. */
  readonly removed: number
  /** Whether all of Redis was looked at. If not, all is evicted nevertheless, and only the count falls short. */
  readonly complete: boolean
}

/** What a sweep may touch. */
export interface SweepAround {
  readonly store: Store
  readonly writes: Writes
  /** The caches defined here. Nothing else is ever touched by a pattern: no lock, limit or session, no other service's cache. */
  readonly caches: readonly string[]
}

/** How many entries are looked into at once. */
const PAGE = 100

/**
 * Evicts, and counts. First in one step, as groups, which reaches memories, loads under way, and what lies in no Redis.
 * Then, entry by entry, what lies in Redis.
 *
 * @throws {DefinitionError} for a pattern that is none, or a cache that is not defined here
 */
export async function sweep(around: SweepAround, what: Sweep): Promise<Swept> {
  const { store, writes } = around
  const { groups, prefixes, matching } = scopeOf(around, what)
  const all = await writes.invalidate(groups)
  let removed = 0
  let { outcome } = all
  try {
    for (const prefix of prefixes) {
      for await (const names of store.scan(`${prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`)) {
        const found = await matching(names)
        if (found.length === 0) continue
        const batch = await writes.invalidate(found.map((name): Item => `k:${name}`))
        removed += batch.removed
        if (batch.outcome === 'pending') outcome = 'pending'
      }
    }
  } catch {
    return { ...all, outcome, removed, complete: false }
  }
  return { ...all, outcome, removed, complete: outcome === 'applied' }
}

interface Scope {
  readonly groups: readonly Item[]
  /** What the names that come into question begin with. */
  readonly prefixes: readonly string[]
  readonly matching: (names: readonly string[]) => Promise<readonly string[]>
}

function scopeOf({ store, caches }: SweepAround, what: Sweep): Scope {
  if ('tag' in what) {
    const { tag } = what
    return {
      groups: [`t:${tag}`],
      prefixes: caches.map((cache) => `${cache}:`),
      matching: (names) => tagged(store, names, tag),
    }
  }
  if ('cache' in what) {
    const { cache } = what
    if (!caches.includes(cache)) throw new DefinitionError(`There is no cache ${JSON.stringify(cache)} here`)
    return { groups: [`c:${cache}`], prefixes: [`${cache}:`], matching: async (names) => names }
  }
  const { literal, matches } = globOf(what.pattern)
  const scopes = caches.flatMap((cache): { group: Item; prefix: string }[] => {
    const begin = `${cache}:`
    if (begin.startsWith(literal)) return [{ group: `c:${cache}`, prefix: begin }]
    return literal.startsWith(begin) ? [{ group: `p:${literal}`, prefix: literal }] : []
  })
  return {
    groups: scopes.map(({ group }) => group),
    prefixes: scopes.map(({ prefix }) => prefix),
    matching: async (names) => names.filter(matches),
  }
}

/** Those of the entries that have the tag. */
async function tagged(store: Store, names: readonly string[], tag: string): Promise<string[]> {
  const found: string[] = []
  for (const [shard, own] of Map.groupBy(names, (name) => store.shardOf(name))) {
    for (let at = 0; at < own.length; at += PAGE) {
      const page = own.slice(at, at + PAGE)
      const headers = await store.headers(shard, page)
      found.push(...page.filter((_, index) => hasTag(headers[index], tag)))
    }
  }
  return found
}

const hasTag = (bytes: Buffer | undefined, tag: string): boolean =>
  bytes !== undefined && readHeader(bytes)?.tags.includes(tag) === true
