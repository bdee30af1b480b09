import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

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

/**
 * What only a gateway may say of a client, and names with an underscore: some programs take `X_Forwarded_For` for
 * `X-Forwarded-For`.
 */
const CLAIMS = /^(?:forwarded|x-forwarded-.*|x-real-ip|.*_.*)$/

/** What of a message's headers goes on: not those about its connection, nor those that `Connection` names. */
export function withoutHopByHop(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const connection = headers.connection?.toLowerCase() ?? ''
  const named = new Set(connection.split(',').map((name) => name.trim()))
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)),
  )
}

/** Who a request comes from, as the gateway saw it. */
export interface Origin {
  readonly ip: string
  readonly protocol: string
  readonly host: string
}

/**
 * The headers of a request to a replica. Its length is that of the body which the gateway has read, whatever the client
 * said of it, so that both ends agree where the request ends.
 */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  { ip, protocol, host }: Origin,
  body: Buffer | undefined,
): OutgoingHttpHeaders {
  const { host: _host, 'content-length': _length, ...rest } = withoutHopByHop(headers)
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => !CLAIMS.test(name))),
    'x-forwarded-for': ip,
    'x-forwarded-host': host,
    'x-forwarded-proto': protocol,
    ...(body === undefined ? {} : { 'content-length': body.length }),
  }
}
