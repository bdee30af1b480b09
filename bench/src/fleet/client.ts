import { Agent, request } from 'node:http'
import Type from 'typebox'
import Value from 'typebox/value'
import { BenchError } from './find.ts'

/** Who answered a read: a tier of the cache, the source behind it, or nobody, as the answer is an error. */
export type From = 'l1' | 'l2' | 'source' | 'failed'

export interface Answer {
  readonly from: From
  /** Milliseconds from the call to the last byte. */
  readonly ms: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** Reads an address and throws what it says away. */
export function read(url: string): Promise<Answer> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const done = (from: From) => resolve({ from, ms: performance.now() - begun })
    request(url, { agent }, (response) => {
      const ok = (response.statusCode ?? 500) < 500
      const from = ok ? fromOf(String(response.headers['cache-status'] ?? '')) : 'failed'
      response.on('error', () => done('failed'))
      response.on('end', () => done(from)).resume()
    })
      .on('error', () => done('failed'))
      .end()
  })
}

/** By the `Cache-Status` of an answer (RFC 9211). */
function fromOf(status: string): From {
  if (status.includes('lockstep-l1; hit')) return 'l1'
  return status.includes('lockstep-l2; hit') ? 'l2' : 'source'
}

const Token = Type.Object({ token: Type.String() })
const Page = Type.Object({ items: Type.Array(Type.Object({ id: Type.Integer() })), total: Type.Integer() })

/** What an admin of the fleet does around the measuring. */
export interface Admin {
  /** Clears the catalogue's cache in the whole fleet; resolves to the entries that were gone. */
  clear(): Promise<number>
}

/** @throws {BenchError} when the fleet does not let the admin in */
export async function logIn(url: string, admin: { email: string; password: string }): Promise<Admin> {
  const { token } = await ask(
    `${url}/auth/token`,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(admin) },
    Token,
  )
  const headers = { authorization: `Bearer ${token}` }
  return {
    async clear() {
      const query = new URLSearchParams({ pattern: '*' })
      const { removed } = await ask(
        `${url}/cache/clear?${query.toString()}`,
        { method: 'DELETE', headers },
        Type.Object({ removed: Type.Integer() }),
      )
      return removed
    },
  }
}

/** The ids of all books, in their order. */
export async function bookIds(url: string): Promise<number[]> {
  const ids: number[] = []
  for (;;) {
    const { items, total } = await ask(`${url}/books?limit=100&skip=${ids.length}`, {}, Page)
    ids.push(...items.map(({ id }) => id))
    if (items.length === 0 || ids.length >= total) return ids
  }
}

async function ask<S extends Type.TSchema>(
  url: string,
  init: RequestInit,
  schema: S,
): Promise<Type.Static<S>> {
  const response = await fetch(url, init)
  const body: unknown = await response.json()
  if (response.ok && Value.Check(schema, body)) return body
  throw new BenchError(
    `${init.method ?? 'GET'} ${url} was answered with ${response.status}: ${JSON.stringify(body)}`,
  )
}

/** Ends the connections, so that the process can end. */
export const disconnect = (): void => agent.destroy()
