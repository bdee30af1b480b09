import { domainToASCII } from 'node:url'

/** An email address, as it is shown and as it is compared. */
export interface Email {
  /** As it was given, composed (NFC), without spaces around it. */
  readonly address: string
  /** The same for all spellings of an address: lower case, the domain as DNS has it. */
  readonly key: string
}

/** Longest address that a mail server takes (RFC 5321, 4.5.3.1.3). */
export const MAX_EMAIL = 254
const MAX_LOCAL = 64

/** Letters of any script; nothing that cannot be seen, or means something in a list of addresses. */
const LOCAL = /^[^\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}@"(),:;<>[\]\\]+$/u
const DOMAIN_CHARACTERS = /^[\p{L}\p{M}\p{N}.-]+$/u
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/

/**
 * Undefined for what is no address. Whoever has `Ada@Example.org` is also `ada@example.org`: no mail server of today tells
 * them apart, and two accounts that look the same are a trap.
 */
export function parseEmail(text: string): Email | undefined {
  const address = text.trim().normalize('NFC')
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(at, 0))
  const domain = address.slice(at + 1)
  if (address.length > MAX_EMAIL || local.length > MAX_LOCAL || !LOCAL.test(local)) return undefined
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined
  const ascii = DOMAIN_CHARACTERS.test(domain) ? domainToASCII(domain) : ''
  if (ascii.length > 253 || !DOMAIN.test(ascii)) return undefined
  return { address, key: `${local.toLowerCase().normalize('NFC')}@${ascii}` }
}

/** For schemas: the format `email`. */
export const isEmail = (text: string): boolean => parseEmail(text) !== undefined

/** Of a text that a schema has let through, or the database holds. @throws {TypeError} for one that is no address */
export function emailOf(text: string): Email {
  const email = parseEmail(text)
  if (!email) throw new TypeError('An address that is none came past its schema')
  return email
}
