import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Where a read came from, by its number in a record. */
const tiers = ['l1', 'l2', 'source', 'failed'] as const
export type Tier = (typeof tiers)[number]

/** What became of a write: it is known to be done everywhere it must be, it goes on being tried, or it was refused. */
const outcomes = ['applied', 'pending', 'failed'] as const
export type WriteOutcome = (typeof outcomes)[number]

/** A read or a write of one worker. Times are of the clock that all processes share. */
export interface ReadRecord {
  readonly key: number
  readonly version: number
  readonly began: number
  readonly ended: number
  readonly from: Tier
}

export interface WriteRecord {
  readonly key: number
  readonly version: number
  readonly began: number
  readonly ended: number
  readonly outcome: WriteOutcome
}

const FIELDS = 6
const CHUNK = 4096
const READ = 0
const WRITE = 1

/** Writes what a worker did to a file: six numbers of eight bytes each, a chunk at a time, so that it costs next to nothing. */
export class Recorder {
  readonly #file: number
  readonly #chunk = new Float64Array(CHUNK * FIELDS)
  #used = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  read(record: ReadRecord): void {
    this.#add(READ, record, tiers.indexOf(record.from))
  }

  write(record: WriteRecord): void {
    this.#add(WRITE, record, outcomes.indexOf(record.outcome))
  }

  flush(): void {
    writeSync(this.#file, this.#chunk, 0, this.#used * 8)
    this.#used = 0
  }

  close(): void {
    this.flush()
    closeSync(this.#file)
  }

  #add(
    kind: number,
    record: { key: number; version: number; began: number; ended: number },
    detail: number,
  ): void {
    this.#chunk.set([kind, record.key, record.version, record.began, record.ended, detail], this.#used)
    this.#used += FIELDS
    if (this.#used === this.#chunk.length) this.flush()
  }
}

/** What one process did, from its start to its end. */
export interface ProcessHistory {
  readonly replica: number
  readonly reads: readonly ReadRecord[]
  readonly writes: readonly WriteRecord[]
}

export function readRecords(replica: number, path: string): ProcessHistory {
  const bytes = readFileSync(path)
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  const reads: ReadRecord[] = []
  const writes: WriteRecord[] = []
  for (let start = 0; start + FIELDS <= numbers.length; start += FIELDS) {
    const [kind = 0, key = 0, version = 0, began = 0, ended = 0, detail = 0] = numbers.subarray(
      start,
      start + FIELDS,
    )
    if (kind === READ) reads.push({ key, version, began, ended, from: tiers[detail] ?? 'failed' })
    else writes.push({ key, version, began, ended, outcome: outcomes[detail] ?? 'failed' })
  }
  return { replica, reads, writes }
}
