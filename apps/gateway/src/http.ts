/** Headers about one connection, not about the message (RFC 9110, 7.6.1); and `Expect`, which the gateway has met itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What of a message's headers goes on: not those about its connection, nor those that `Connection` names. */
export function withoutHopByHop<T>(headers: Record<string, T>): Record<string, T> {
  const connection = String(headers['connection'] ?? '').toLowerCase()
  const named = new Set(connection.split(',').map((name) => name.trim()))
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)),
  )
}

/** The two sides of the first separator. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/**
 * The path of a request target. The absolute form must be accepted (RFC 9112, 3.2.2), and `*` means the server itself. A
 * backslash is turned into a slash by URL parsers, after all checks: it is encoded here, so that it stays what it is.
 */
export function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '')
  return path.startsWith('/') ? path.replaceAll('\\', '%5C') : `/${path === '*' ? '' : path}`
}
