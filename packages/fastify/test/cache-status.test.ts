import { test } from 'tap'
import { cacheStatus } from '../src/index.ts'

await test('Cache-Status says which cache answered (RFC 9211)', async (t) => {
  const value = 1
  t.equal(cacheStatus({ value, from: 'l1', ttl: 29_999, stored: true }), 'lockstep-l1; hit; ttl=29')
  t.equal(
    cacheStatus({ value, from: 'l2', ttl: 1000, stored: true }),
    'lockstep-l2; hit; ttl=1, lockstep-l1; fwd=miss; stored',
  )
  t.equal(
    cacheStatus({ value, from: 'source', ttl: 1000, stored: true }),
    'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss; stored',
  )
  t.equal(
    cacheStatus({ value, from: 'source', ttl: 1000, stored: false, bypass: 'bus-down', l2Bypass: 'away' }),
    'lockstep-l2; fwd=bypass; detail=away, lockstep-l1; fwd=bypass; detail=bus-down',
  )
})
