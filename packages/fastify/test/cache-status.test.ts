import type { Reading } from '@lockstep/cache'
import { test } from 'tap'
import { cacheStatus } from '../src/index.ts'

await test('Cache-Status says which cache answered (RFC 9211), and why it did less than it could', async (t) => {
  const reading = { value: 1, age: 0, ttl: 1000, stale: false, stored: true, bound: 0 }
  const all: [Partial<Reading<number>>, string][] = [
    [{ from: 'l1', ttl: 29_999 }, 'lockstep-l1; hit; ttl=29'],
    [{ from: 'l1', ttl: -1500, stale: true }, 'lockstep-l1; hit; ttl=-2'],
    [{ from: 'l2' }, 'lockstep-l2; hit; ttl=1, lockstep-l1; fwd=miss; stored'],
    [{ from: 'source' }, 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss; stored'],
    [{ from: 'source', stored: false }, 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss'],
    [
      { from: 'source', stored: false, degraded: 'l2-away' },
      'lockstep-l2; fwd=bypass; detail=l2-away, lockstep-l1; fwd=bypass; detail=l2-away',
    ],
    [
      { from: 'source', stored: false, degraded: 'waited' },
      'lockstep-l2; fwd=miss; detail=waited, lockstep-l1; fwd=miss',
    ],
    [
      { from: 'l2', ttl: -2000, stored: false, degraded: 'load-failed' },
      'lockstep-l2; hit; ttl=-2; detail=load-failed, lockstep-l1; fwd=miss',
    ],
  ]
  for (const [given, header] of all) t.equal(cacheStatus({ ...reading, from: 'l1', ...given }), header)
})
