import type { Head, Invalidation } from '../protocol/history.ts'
import type { Item } from './pending.ts'

/** The same invalidation, one string for each thing it names. */
export const itemsOf = ({ keys, tags, prefixes, caches }: Invalidation): Item[] => [
  ...keys.map((name): Item => `k:${name}`),
  ...tags.map((tag): Item => `t:${tag}`),
  ...prefixes.map((prefix): Item => `p:${prefix}`),
  ...caches.map((cache): Item => `c:${cache}`),
]

export function invalidationOf(items: Iterable<Item>): Invalidation {
  const what = {
    keys: new Array<string>(),
    tags: new Array<string>(),
    prefixes: new Array<string>(),
    caches: new Array<string>(),
  }
  for (const item of items) {
    const name = item.slice(2)
    if (item.startsWith('k:')) what.keys.push(name)
    else if (item.startsWith('t:')) what.tags.push(name)
    else if (item.startsWith('p:')) what.prefixes.push(name)
    else what.caches.push(name)
  }
  return what
}

/**
 * The token of a write: where in the history of its shards it stands. Handed to another process (in a header, say), it
 * keeps that process from reading anything older.
 */
export type WriteToken = string

export const tokenOf = (parts: readonly { shard: number; head: Head }[]): WriteToken =>
  parts
    .map(
      ({ shard, head: { incarnation, born, seq, token } }) =>
        `${shard}.${incarnation}.${born}.${seq}.${token}`,
    )
    .join('-')

/** @returns undefined when the text is no token */
export function partsOfToken(token: WriteToken): (Head & { readonly shard: number })[] | undefined {
  const parts = token.split(/-(?=\d+\.)/)
  if (parts.length > 64 || !parts.every((part) => PART.test(part))) return undefined
  return parts.map((part) => {
    const [shard, incarnation, born, seq, of = ''] = part.split('.')
    return {
      shard: Number(shard),
      incarnation: Number(incarnation),
      born: Number(born),
      seq: Number(seq),
      token: of,
    }
  })
}

const PART = /^\d{1,5}\.\d{1,16}\.\d{1,15}\.\d{1,16}\.[\w-]{1,32}$/

/** Whether a text that came from outside can be the token of a write. */
export const isWriteToken = (text: string): boolean => partsOfToken(text) !== undefined
