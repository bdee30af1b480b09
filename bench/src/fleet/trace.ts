import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createZstdDecompress } from 'node:zlib'
import type { Admin } from './client.ts'
import { drive } from './drive.ts'
import { hitRateOf, percentOf, sourcesOf } from './figures.ts'
import { BenchError } from './find.ts'
import { progressOf } from './progress.ts'

/** What came of a replay on so many replicas. */
export interface Replay {
  readonly replicas: number
  readonly requests: number
  /** Percent of the reads. */
  readonly l1: number
  readonly l2: number
  readonly hitRate: number
  readonly failed: number
  /** Reads a second. */
  readonly rate: number
}

const AT_A_TIME = 32

/**
 * The pages of an access trace in their order: each line has the first page, how many from there on, and two fields that
 * are not used (the format of Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003).
 *
 * @param file plain, or packed with zstd when its name ends in `.zst`
 * @param most pages at most
 * @throws {BenchError} naming the line that is none of a trace
 */
export async function readTrace(file: string, most: number): Promise<number[]> {
  const packed = createReadStream(file)
  const text = file.endsWith('.zst') ? packed.pipe(createZstdDecompress()) : packed
  packed.on('error', (error) => text.destroy(error))
  const pages: number[] = []
  let number = 0
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() === '') continue
    const [first = Number.NaN, count = Number.NaN] = line.trim().split(/\s+/).map(Number)
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || first < 0 || count < 1) {
      throw new BenchError(`${file} is no trace: line ${number} does not begin with a page and a count`)
    }
    for (let page = first; page < first + count && pages.length < most; page++) pages.push(page)
    if (pages.length >= most) break
  }
  packed.destroy()
  if (pages.length === 0) throw new BenchError(`${file} holds no requests`)
  return pages
}

/**
 * Replays a trace on one, two, three replicas of the catalogue, in turn for each request, with nothing cached at the
 * start. A page is a book: page modulo the number of books.
 */
export async function replay(
  { catalogs, admin, ids }: { catalogs: readonly string[]; admin: Admin; ids: readonly number[] },
  pages: readonly number[],
): Promise<Replay[]> {
  const replays: Replay[] = []
  for (let replicas = 1; replicas <= Math.min(3, catalogs.length); replicas++) {
    await admin.clear()
    const progress = progressOf(`trace on ${replicas} of the catalogue`, pages.length)
    const urls = urlsOf(catalogs.slice(0, replicas), ids, pages)
    const { answers, rate } = await drive(urls, AT_A_TIME, (done) => progress.step(done))
    const sources = sourcesOf(answers)
    const requests = answers.length
    replays.push({
      replicas,
      requests,
      l1: percentOf(sources.l1, requests),
      l2: percentOf(sources.l2, requests),
      hitRate: hitRateOf(sources),
      failed: sources.failed,
      rate,
    })
    progress.end(`${Math.round(rate)} reads a second, ${hitRateOf(sources)} % from a cache`)
  }
  return replays
}

function* urlsOf(catalogs: readonly string[], ids: readonly number[], pages: readonly number[]) {
  for (const [at, page] of pages.entries()) {
    yield `${catalogs[at % catalogs.length]}/books/${ids[page % ids.length]}`
  }
}
