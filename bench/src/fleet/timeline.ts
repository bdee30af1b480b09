import type { Admin } from './client.ts'
import { drive, type Timed } from './drive.ts'
import { percentOf, type Sources, sourcesOf } from './figures.ts'
import { progressOf } from './progress.ts'

/** A quarter of a second of the time line. */
interface Slice {
  /** Seconds since it began. */
  readonly at: number
  readonly l1: number
  readonly l2: number
  /** Percent of the reads, as are those of the tiers. */
  readonly hitRate: number
  readonly sources: Sources
}

export interface Timeline {
  readonly slices: readonly Slice[]
  /** Seconds: when the caches of the whole fleet were cleared. */
  readonly clearedAt: number
}

const SLICE_MS = 250
const AT_A_TIME = 16

/**
 * Reads of books, a few of which are read most (Zipf), from empty caches on; half-way through they are cleared again.
 *
 * @param random gives numbers from 0 up to 1
 */
export async function timeline(
  { url, admin, ids }: { url: string; admin: Admin; ids: readonly number[] },
  { seconds, random }: { seconds: number; random: () => number },
): Promise<Timeline> {
  await admin.clear()
  const choose = zipf(ids, random)
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) / 1000
  const progress = progressOf('hit rate over time, seconds', seconds)
  let clearedAt: number | undefined
  let clearing: Promise<unknown> = Promise.resolve()
  function* urls() {
    for (;;) yield `${url}/books/${choose()}`
  }
  const over = () => {
    if (clearedAt === undefined && elapsed() > seconds / 2) {
      clearedAt = elapsed()
      clearing = admin.clear()
    }
    return elapsed() > seconds
  }
  const step = () => progress.step(Math.floor(elapsed()))
  const { answers, rate } = await drive(urls(), AT_A_TIME, step, over)
  await clearing
  progress.end(`${Math.round(rate)} reads a second`)
  return { slices: slicesOf(answers), clearedAt: clearedAt ?? seconds / 2 }
}

function slicesOf(answers: readonly Timed[]): Slice[] {
  const bySlice = Map.groupBy(answers, ({ at }) => Math.floor(at / SLICE_MS))
  return [...bySlice.entries()]
    .toSorted(([one], [other]) => one - other)
    .map(([slice, of]) => {
      const sources = sourcesOf(of)
      return {
        at: (slice * SLICE_MS) / 1000,
        l1: percentOf(sources.l1, of.length),
        l2: percentOf(sources.l2, of.length),
        hitRate: percentOf(sources.l1 + sources.l2, of.length),
        sources,
      }
    })
}

/** Chooses with a probability of 1 / rank, the usual of shops: by a search in the sums of them. */
function zipf(ids: readonly number[], random: () => number): () => number {
  let total = 0
  const sums = ids.map((_, rank) => (total += 1 / (rank + 1)))
  return () => {
    const wanted = random() * total
    let [low, high] = [0, sums.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? total) < wanted) low = middle + 1
      else high = middle
    }
    const id = ids[low]
    if (id === undefined) throw new RangeError('There are no books to choose from')
    return id
  }
}
