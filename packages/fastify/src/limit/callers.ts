import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { sessionUser } from '../session/index.ts'
import { type Address, addressList, addressOf, networkOf } from './address.ts'
import { RouteLimitError } from './errors.ts'
import type { LimitBy, LimitPluginOptions } from './options.ts'

/** Whose permits: exactly one of them. */
export type LimitSubject =
  | { readonly user: string }
  | { readonly apiKey: string }
  | { readonly address: string }

/** Who asks, as the limiter is told. */
export interface Callers {
  /** What the permits of a request are counted under; undefined: it is never limited. */
  keyOf(request: FastifyRequest, by: LimitBy): Promise<string | undefined>
  /** The same for somebody who is known. @throws {RouteLimitError} for an address that is none */
  keyFor(caller: LimitSubject): string
}

/** All whose address nobody knows, as over a Unix socket, are one. */
const NOWHERE = 'address:unknown'

const fail = (problem: string): never => {
  throw new RouteLimitError('the plugin', problem)
}
const keyOfUser = (user: string): string => `user:${user}`
/** Redis never holds an API key, nor what leads back to one. */
const keyOfApiKey = (key: string): string => `key:${hash('sha256', key, 'base64url')}`

/** @throws {RouteLimitError} */
export function callersOf(options: LimitPluginOptions): Callers {
  const { user: userOf = sessionUser, apiKey, allow = {}, ipv6Prefix = 64 } = options
  if (!Number.isInteger(ipv6Prefix) || ipv6Prefix < 1 || ipv6Prefix > 128) {
    fail(`ipv6Prefix is ${ipv6Prefix}, which is not a whole number from 1 to 128`)
  }
  const { addresses = [], user: allowsUser } = allow
  const allowsAddress = addressList(addresses, fail)
  const header = apiKey?.header.toLowerCase() ?? ''
  const keyOfAddress = (address: Address) => `address:${networkOf(address, ipv6Prefix)}`

  async function knownKey(request: FastifyRequest): Promise<string | undefined> {
    const given = request.headers[header]
    if (apiKey === undefined || typeof given !== 'string' || given === '') return undefined
    return (await apiKey.known(given)) ? given : undefined
  }

  return {
    async keyOf(request, by) {
      const address = addressOf(request.ip)
      if (addresses.length > 0 && address !== undefined && allowsAddress(address)) return undefined
      if (by === 'user' || allowsUser !== undefined) {
        const user = (await userOf(request)) ?? ''
        if (user !== '' && (await allowsUser?.(user, request))) return undefined
        if (user !== '' && by === 'user') return keyOfUser(user)
      }
      const key = by === 'api-key' ? await knownKey(request) : undefined
      if (key !== undefined) return keyOfApiKey(key)
      return address === undefined ? NOWHERE : keyOfAddress(address)
    },
    keyFor(caller) {
      if ('user' in caller) return keyOfUser(caller.user)
      if ('apiKey' in caller) return keyOfApiKey(caller.apiKey)
      const address = addressOf(caller.address)
      if (address === undefined) return fail(`${JSON.stringify(caller.address)} is no address`)
      return keyOfAddress(address)
    },
  }
}
