import { programAt, programsOnPath } from '../program.ts'
import type { Strategy } from '../strategy.ts'

/** A redis-server that is installed already. */
export const onPath: Strategy = {
  name: 'PATH',
  available: async (here) => programsOnPath(here).length > 0,
  async obtain(here) {
    const reasons: string[] = []
    for (const path of programsOnPath(here)) {
      const found = await programAt(here, path)
      if (!('failed' in found)) return found
      reasons.push(found.failed)
    }
    return { failed: reasons.join('; ') }
  },
}
