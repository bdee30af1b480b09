import { spawnLeashedNode } from '@lockstep/servers'
import { type Teardown, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { mostInWindow } from './rig.ts'

const MINUTES = 60_000
/** How far off the clock of each process is. */
const SKEWS = [0, 7 * MINUTES, -13 * MINUTES, 41 * MINUTES]
const MS = 3000

/** When the server has admitted each of what four processes have asked for, in ms by its own clock. */
async function fleet(t: Teardown, url: string, kind: string, mode: string): Promise<number[]> {
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
      const report: { admitted: number[] } = JSON.parse(printed.join(''))
      return report
    }),
  )
  return reports.flatMap(({ admitted }) => admitted)
}

// Less than the 0.9 that an idle machine reaches: a busy one may be too slow to ask.
for (const [kind, mode, least] of [
  ['sliding', 'bursts', 0],
  ['sliding', 'steady', 0.85],
  ['exact', 'bursts', 0],
  ['smooth', 'steady', 0.7],
] as const) {
  await test(`four processes with clocks minutes apart, ${kind}, ${mode}: never more than the limit`, async (t) => {
    const { url } = await testRedis(t)
    const admitted = await fleet(t, url, kind, mode)
    const most = mostInWindow(
      admitted.map((at) => ({ at, permits: 1 })),
      1000,
    )
    t.ok(most <= 100, `${most} in the worst second`)
    const seconds = (Math.max(...admitted) - Math.min(...admitted)) / 1000 + 1
    const share = admitted.length / (100 * seconds)
    t.ok(share >= least, `${share.toFixed(2)} of the ideal`)
    t.ok(admitted.length >= 200, `${admitted.length} admitted`)
  })
}
