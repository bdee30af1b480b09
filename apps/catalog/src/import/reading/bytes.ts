import { createReadStream, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { codeOf, ImportFault, messageOf } from '../fault.ts'
import { foreignFormat, isUtf16 } from './foreign.ts'

const SAVE_AS = 'Save it as CSV in UTF-8'

/**
 * The bytes of a CSV file, known to be UTF-8 up to where they were handed on.
 *
 * @throws {ImportFault} when there is no such file, it cannot be read, is not text, or is not UTF-8 (naming the line)
 */
export async function* utf8Bytes(path: string): AsyncGenerator<Buffer, void> {
  const check = new Utf8Check(path)
  let first = true
  for await (const chunk of rawBytes(path)) {
    if (first) refuseForeign(path, chunk)
    first = false
    check.add(chunk)
    yield chunk
  }
  check.end()
}

/** The facts of the file by which a change to it shows. @throws {ImportFault} when there is no regular file */
export async function fileFacts(path: string): Promise<Stats> {
  const facts = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (facts.isDirectory()) throw new ImportFault('LOCKSTEP_IMPORT_NOT_A_FILE', `${path} is a directory`)
  if (!facts.isFile()) {
    throw new ImportFault(
      'LOCKSTEP_IMPORT_NOT_A_FILE',
      `${path} is not a regular file: copy it into one first`,
    )
  }
  return facts
}

async function* rawBytes(path: string): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of createReadStream(path)) if (Buffer.isBuffer(chunk)) yield chunk
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): ImportFault {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
    return new ImportFault('LOCKSTEP_IMPORT_NOT_FOUND', `${path}: there is no such file`)
  }
  return new ImportFault('LOCKSTEP_IMPORT_UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, {
    cause: error,
  })
}

function refuseForeign(path: string, head: Buffer): void {
  const format = foreignFormat(head)
  if (format) throw new ImportFault('LOCKSTEP_IMPORT_NOT_CSV', `${path} is not CSV but ${format}. ${SAVE_AS}`)
  if (isUtf16(head)) throw new ImportFault('LOCKSTEP_IMPORT_NOT_UTF8', `${path} is UTF-16. ${SAVE_AS}`)
}

/** Checks UTF-8 line by line, so that a fault has a line: a line break is never a part of another character. */
class Utf8Check {
  readonly #path: string
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #line = 1

  constructor(path: string) {
    this.#path = path
  }

  add(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      const newline = chunk.indexOf(0x0a, start)
      const end = newline === -1 ? chunk.length : newline + 1
      this.#decode(chunk.subarray(start, end), true)
      if (newline !== -1) this.#line++
      start = end
    }
  }

  end(): void {
    this.#decode(Buffer.alloc(0), false)
  }

  #decode(bytes: Buffer, more: boolean): void {
    try {
      this.#decoder.decode(bytes, { stream: more })
    } catch (error) {
      const message = `${this.#path} is not UTF-8 on line ${this.#line}. ${SAVE_AS}`
      throw new ImportFault('LOCKSTEP_IMPORT_NOT_UTF8', message, { cause: error })
    }
  }
}
