import { spawnLeashedNode } from '@lockstep/servers'
import { type Teardown, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { mostInWindow } from './rig.ts'

const MINUTES = 60_000
/** How far off the clock of each process is. */
const SKEWS = [0, 7 * MINUTES, -13 * MINUTES, 41 * MINUTES]
const MS = 3000

interface Report {
  admitted: number[]
  refused: number[]
}

/** When the server has admitted each of what four processes have asked for, and when refused, in ms by its own clock. */
async function fleet(t: Teardown, url: string, kind: string, mode: string): Promise<Report> {
  const entry = new URL('./worker.ts', import.meta.url).pathname
  const reports = await Promise.all(
    SKEWS.map(async (skew) => {
      const printed: string[] = []
      const args = [url, kind, mode, `${MS}`, `${skew}`]
      const child = spawnLeashedNode({
        entry,
        args,
        output: 2,
        onStdout: (chunk) => printed.push(chunk.toString()),
      })
      t.teardown(() => child.kill())
      await child.exited
      const report: Report = JSON.parse(printed.join(''))
      return report
    }),
  )
  return {
    admitted: reports.flatMap(({ admitted }) => admitted),
    refused: reports.flatMap(({ refused }) => refused),
  }
}

/** The fewest permits that had been given in the `span` ms before any refusal. */
function fewestBefore({ admitted, refused }: Report, span: number): number {
  const counts = refused.map((at) => admitted.filter((other) => other > at - span && other <= at).length)
  return Math.min(...counts)
}

// What counts against a request, by the way its kind counts: what was given in the last window and a tenth of it, or in
// the last window and a millisecond; or, a burst of ten, for as long as it takes to come back.
for (const [kind, mode, span, counted] of [
  ['sliding', 'bursts', 1100, 100],
  ['sliding', 'steady', 1100, 100],
  ['exact', 'bursts', 1001, 100],
  ['smooth', 'steady', (10 * 1000) / 91, 10],
] as const) {
  await test(`four processes with clocks minutes apart, ${kind}, ${mode}: the limit, no more and no less`, async (t) => {
    const { url } = await testRedis(t)
    const report = await fleet(t, url, kind, mode)
    const most = mostInWindow(
      report.admitted.map((at) => ({ at, permits: 1 })),
      1000,
    )
    t.ok(most <= 100, `${most} in the worst second`)
    t.ok(report.refused.length > 0, `${report.refused.length} were refused`)
    t.ok(fewestBefore(report, span + 0.01) >= counted, 'none while there were permits')
    t.ok(report.admitted.length > 100, `${report.admitted.length} admitted`)
  })
}
