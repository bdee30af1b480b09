#!lua flags=allow-oom
-- renew: keeps the lease of a load that takes long.
-- KEYS lease
-- ARGV holder ms
-- Returns 1, or 0 when the lease is lost.
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[1] and held ~= ARGV[1] .. AWAITED then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
