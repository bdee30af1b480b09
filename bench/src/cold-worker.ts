import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type Book, book, definition, openReplica } from './books.ts'
import { numberIn, report, sharedTime } from './worker.ts'

/** One process of the fleet: asks for what it is told to, with many callers at once, and reports its loads and when it had all answers. */
const [url = '', at = '0'] = process.argv.slice(2)
const replica = await openReplica(url, `bench-${at}`)
let loads = 0
const books = replica.cache.define<number, Book>({
  ...definition,
  async load(id) {
    loads++
    await sleep(50)
    return book(id)
  },
})
const told = new Redis(url)
told.on('message', (_channel: string, text: string) => {
  const what: unknown = JSON.parse(text)
  if (Number(at) < numberIn(what, 'processes')) void ask(numberIn(what, 'id'), numberIn(what, 'callers'))
})
await told.subscribe('ask')
report({ ready: true })

async function ask(id: number, callers: number): Promise<void> {
  loads = 0
  await Promise.all(Array.from({ length: callers }, () => books.get(id)))
  report({ loads, ended: sharedTime() })
}
