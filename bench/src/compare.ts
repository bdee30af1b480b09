/** A thing to measure: `run` does it `times` times. */
export interface Subject {
  readonly name: string
  run(times: number): Promise<void>
}

const ROUNDS = 9

/**
 * Measures a floor and subjects in turns, so that whatever else the machine does hits them alike, and prints each as
 * operations a second and as a ratio to the floor, by the medians.
 *
 * @param times how often a round does each; choose it for some 50 ms or more
 */
export async function compare(
  title: string,
  times: number,
  floor: Subject,
  ...subjects: Subject[]
): Promise<void> {
  const all = [floor, ...subjects]
  const rates = new Map(all.map((subject) => [subject, new Array<number>()]))
  for (const subject of all) await subject.run(times)
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of all) {
      globalThis.gc?.()
      const begun = performance.now()
      await subject.run(times)
      rates.get(subject)?.push((times / (performance.now() - begun)) * 1000)
    }
  }
  const median = (subject: Subject) => (rates.get(subject) ?? []).toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0
  process.stdout.write(`\n${title}\n`)
  for (const subject of all) {
    const rate = Math.round(median(subject)).toLocaleString('en')
    const ratio = (median(subject) / median(floor)).toFixed(2)
    process.stdout.write(`  ${subject.name.padEnd(52)} ${rate.padStart(12)} /s   ${ratio}\n`)
  }
}
