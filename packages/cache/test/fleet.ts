import { ManualClock, recordingLogger } from '@lockstep/testing'
import { createCache, type Definition, memoryTransport } from '../src/index.ts'

export interface Book {
  title: string
}

export const isBook = (stored: unknown): stored is Book =>
  typeof stored === 'object' && stored !== null && 'title' in stored

/** A fleet in one process: replicas over one memory transport, and a source whose loads finish when told. */
export function fleet(size = 1, more: Partial<Definition<number, Book>> = {}) {
  const clock = new ManualClock()
  const logger = recordingLogger()
  const transport = memoryTransport({ clock })
  const source = new Map<number, Book>([[42, { title: 'first' }]])
  const gates: (() => void)[] = []
  const state = { held: false, loads: 0 }
  const replicas = Array.from({ length: size }, () => {
    const cache = createCache({ transport, logger, clock, random: () => 0 })
    const books = cache.define<number, Book>({
      name: 'books',
      version: 1,
      key: (id) => id,
      async load(id) {
        state.loads++
        const book = source.get(id)
        if (state.held) await new Promise<void>((resolve) => gates.push(resolve))
        return book && { ...book }
      },
      accepts: isBook,
      ttl: '60s',
      negativeTtl: '10s',
      ...more,
    })
    return { cache, books }
  })
  const [first] = replicas
  if (!first) throw new Error('no replica')
  const release = () => {
    state.held = false
    for (const open of gates.splice(0)) open()
  }
  return { clock, logger, transport, source, state, release, replicas, first }
}

/** Lets everything that is ready run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))

/** A replica whose bus goes up and down as it is told, and whose loads finish when told. */
export function onUnsteadyBus() {
  const memory = memoryTransport()
  let listener = { up() {}, down() {} }
  const transport = {
    ...memory,
    bus: {
      listen(given: { up(): void; down(): void; message(payload: string): void }) {
        listener = given
        return async () => {}
      },
    },
  }
  const cache = createCache({ transport, logger: recordingLogger() })
  const state = { title: 'first', held: Promise.resolve() }
  const books = cache.define<number, Book>({
    name: 'books',
    version: 1,
    key: (id) => id,
    async load() {
      const { title } = state
      await state.held
      return { title }
    },
    accepts: isBook,
    ttl: '60s',
  })
  return { cache, books, state, store: memory.store, up: () => listener.up(), down: () => listener.down() }
}
