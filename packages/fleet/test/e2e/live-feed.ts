import { get, type IncomingMessage } from 'node:http'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { bearer } from './client.ts'

const Notice = Type.Object({ id: Type.String(), text: Type.String(), orderId: Type.Optional(Type.String()) })
type Notice = Static<typeof Notice>

/** Reads a feed of server-sent events as a browser does: comes back behind the last event whenever the stream ends. */
export class LiveFeed {
  readonly notices: Notice[] = []
  /** Events that are no notice, such as `reset`. */
  readonly others: string[] = []
  /** How often it was opened. */
  opened = 0
  /** The status with which the feed was refused, which ends it. */
  refused: number | undefined
  #last: string | undefined
  #over = false
  #answer: IncomingMessage | undefined
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
    this.#open()
  }

  close(): void {
    this.#over = true
    this.#answer?.destroy()
  }

  #open(): void {
    const place = this.#last === undefined ? {} : { 'last-event-id': this.#last }
    const headers = { ...bearer(this.#token), ...place, connection: 'close' }
    const request = get(`${this.#url}/feed`, { headers, agent: false }, (answer) => this.#read(answer))
    request.on('error', () => this.#comeBack())
  }

  #comeBack(): void {
    if (!this.#over) setTimeout(() => this.#open(), 100)
  }

  #read(answer: IncomingMessage): void {
    const { statusCode = 0 } = answer
    answer.on('error', () => {})
    if (statusCode >= 400 && statusCode < 500) {
      this.refused = statusCode
      this.#over = true
    }
    answer.once('close', () => this.#comeBack())
    if (statusCode !== 200) return void answer.resume()
    this.#answer = answer
    this.opened++
    let text = ''
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      const events = (text + chunk).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) this.#take(event)
    })
  }

  #take(event: string): void {
    const fields = new Map(
      event
        .split('\n')
        .map((line): [string, string] => [line.split(': ')[0] ?? '', line.replace(/^[^:]*: /, '')]),
    )
    this.#last = fields.get('id') ?? this.#last
    const kind = fields.get('event')
    if (kind === undefined) return
    if (kind === 'order' || kind === 'notification')
      this.notices.push(Value.Parse(Notice, JSON.parse(fields.get('data') ?? '')))
    else this.others.push(kind)
  }
}
