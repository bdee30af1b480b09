import Type, { type Static, type TSchema } from 'typebox'
import Value from 'typebox/value'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, undefined when it is none. */
  readonly body: unknown
  /** The body, which must be as the schema says. */
  as<S extends TSchema>(schema: S): Static<S>
}

export interface Asked {
  readonly method?: string
  readonly json?: unknown
  readonly headers?: Record<string, string>
  /** A body that need not be JSON. */
  readonly body?: string
}

/** Who asks: nobody unless there is a token or a cookie. */
export type Ask = (path: string, asked?: Asked) => Promise<Answer>

/** Asks at an address as somebody. */
export const asking =
  (url: string, own: Record<string, string> = {}): Ask =>
  async (path, { method, json, headers = {}, body } = {}) => {
    const content = json === undefined ? {} : { 'content-type': 'application/json' }
    const sent = json === undefined ? body : JSON.stringify(json)
    const response = await fetch(url + path, {
      method: method ?? (sent === undefined ? 'GET' : 'POST'),
      headers: { ...own, ...content, ...headers },
      redirect: 'manual',
      ...(sent === undefined ? {} : { body: sent }),
    })
    const text = await response.text()
    const found = parsed(text)
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: found,
      as: (schema) => Value.Parse(schema, found),
    }
  }

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const Account = Type.Object({ id: Type.Integer() })
const TokenAnswer = Type.Object({ token: Type.String() })

/** Somebody with an account. */
export interface Person {
  readonly id: number
  readonly email: string
  readonly password: string
  readonly token: string
  readonly ask: Ask
}

/** Logs in for a token. */
export async function logIn(url: string, email: string, password: string): Promise<string> {
  const answer = await asking(url)('/auth/token', { json: { email, password } })
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`)
  return answer.as(TokenAnswer).token
}

/** Registers and logs in. */
export async function register(url: string, name: string): Promise<Person> {
  const [email, password] = [`${name.toLowerCase()}@bookshop.example`, `${name} walks at dusk`]
  const answer = await asking(url)('/users', { json: { email, password, name } })
  if (answer.status !== 201) throw new Error(`not registered: ${answer.status} ${answer.text}`)
  const token = await logIn(url, email, password)
  return { id: answer.as(Account).id, email, password, token, ask: asking(url, bearer(token)) }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Asks as the operator, who is an admin. */
export const operator = (url: string, token: string): Ask => asking(url, bearer(token))
