import type { Admin } from './client.ts'
import { type Driven, drive } from './drive.ts'
import { hitRateOf, type Latencies, latenciesOf, sourcesOf } from './figures.ts'
import { progressOf } from './progress.ts'

export interface Phase {
  readonly name: string
  readonly latencies: Latencies
  readonly hitRate: number
  readonly rate: number
}

const AT_A_TIME = 4

/**
 * The same books through the gateway, first with nothing cached, so that each is read from the database, and then again
 * and again. One round between them, which is not counted, brings them into the memory of all replicas.
 */
export async function coldWarm(
  { url, admin, ids }: { url: string; admin: Admin; ids: readonly number[] },
  { books, rounds }: { books: number; rounds: number },
): Promise<{ cold: Phase; warm: Phase; cleared: number }> {
  const spread = Math.max(1, Math.floor(ids.length / books))
  const urls = ids
    .filter((_, at) => at % spread === 0)
    .slice(0, books)
    .map((id) => `${url}/books/${id}`)
  const cleared = await admin.clear()
  const cold = await phase('cold', urls)
  await phase('warming', repeated(urls, 3))
  const warm = await phase('warm', repeated(urls, rounds))
  return { cold, warm, cleared }
}

const repeated = (urls: readonly string[], times: number): string[] =>
  Array.from({ length: times }, () => urls).flat()

async function phase(name: string, urls: readonly string[]): Promise<Phase> {
  const progress = progressOf(name, urls.length)
  const driven = await drive(urls, AT_A_TIME, (done) => progress.step(done))
  const result = phaseOf(name, driven)
  progress.end(`${driven.answers.length} reads, ${result.hitRate} % from a cache`)
  return result
}

const phaseOf = (name: string, { answers, rate }: Driven): Phase => ({
  name,
  latencies: latenciesOf(answers.map(({ ms }) => ms)),
  hitRate: hitRateOf(sourcesOf(answers)),
  rate,
})
