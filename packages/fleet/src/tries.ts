/** What the lines to try need to know. */
export interface Tried {
  readonly gatewayUrl: string
  /** The file that a shell reads for ADMIN_TOKEN. */
  readonly adminFile: string
  /** The version that a write to the book must name to be accepted. */
  readonly version: number
  /** The services that run. */
  readonly services: ReadonlySet<string>
}

/** Some lines for a shell that show one thing, and the services that they talk to. */
interface Try {
  readonly about: string
  readonly services: readonly string[]
  readonly lines: readonly string[]
}

/** The book of the examples. */
const BOOK = 42

const json = "-H 'content-type: application/json'"
const user = { email: 'ada@bookshop.example', password: 'a long walk at dusk', name: 'Ada' }
const login = JSON.stringify({ email: user.email, password: user.password })

/**
 * The lines that a start ends with, in an order in which they can be pasted, again and again. No secret is in them: the
 * first reads those of an admin from a file into the shell.
 */
export function triesOf({ gatewayUrl: url, adminFile, version, services }: Tried): readonly Try[] {
  const me = '-H "authorization: Bearer $TOKEN"'
  const admin = '-H "authorization: Bearer $ADMIN_TOKEN"'
  const curl = "curl -s -w '\\n'"
  const all: Try[] = [
    {
      about:
        'A read, twice and more: see X-Served-By and Cache-Status. A write, and the read again: evicted everywhere',
      services: ['catalog'],
      lines: [
        `curl -i ${url}/books/${BOOK}`,
        `curl -X PATCH ${url}/books/${BOOK} ${json} -d '{"version":${version},"title":"A new title"}'`,
        `curl -i ${url}/books/${BOOK}`,
      ],
    },
    {
      about: 'An account, a token for it, and its profile',
      services: ['users'],
      lines: [
        `${curl} -X POST ${url}/users ${json} -d '${JSON.stringify(user)}'`,
        `TOKEN=$(curl -s -X POST ${url}/auth/token ${json} -d '${login}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`,
        `${curl} ${url}/profile ${me}`,
      ],
    },
    {
      about:
        'The live feed, in the background (or in a terminal of its own); an order; what came of it a moment later',
      services: ['users', 'orders', 'activity'],
      lines: [
        `curl -sN ${url}/feed ${me} &`,
        `${curl} -X POST ${url}/orders ${me} ${json} -H 'idempotency-key: first' -d '{"items":[{"bookId":${BOOK},"quantity":2}]}'`,
        `${curl} ${url}/orders ${me}`,
        `${curl} ${url}/inbox ${me}`,
        `${curl} '${url}/leaderboard?limit=5'`,
      ],
    },
    {
      about: 'As an admin: tags of a book, the figures of the caches, and a clear',
      services: ['catalog', 'users'],
      lines: [
        `. ${quoted(adminFile)}`,
        `${curl} -X PUT ${url}/books/${BOOK}/tags/classic ${admin}`,
        `${curl} ${url}/cache/stats ${admin}`,
        `${curl} -X DELETE '${url}/services/users/cache/clear?pattern=*' ${admin}`,
      ],
    },
    {
      about: 'A limit: after 100 in a minute, 429 with Retry-After',
      services: ['activity'],
      lines: [
        `for n in $(seq 120); do curl -s -o /dev/null -w '%{http_code}\\n' ${url}/leaderboard; done | sort | uniq -c`,
      ],
    },
  ]
  return all.filter((one) => one.services.every((service) => services.has(service)))
}

/** As a shell takes it for one word. */
const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
