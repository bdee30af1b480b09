import type { RedisLink } from '@lockstep/redis'

/**
 * Two records of the same writes: one takes only those whose fence is no lower than any before, the other takes all. Each is
 * a list of the fences that wrote.
 */
const WRITE = `
redis.call('RPUSH', KEYS[2], ARGV[1])
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or 0)
if tonumber(ARGV[1]) < last then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
return 1`

export const FENCED = 'store:fenced'
export const PLAIN = 'store:plain'

/** Tells whether the store with the check has taken it. */
export const writeBoth = async (link: RedisLink, fence: number): Promise<number> =>
  Number(await link.run((redis) => redis.eval(WRITE, 2, FENCED, PLAIN, fence)))
