-- fill: stores an entry if the lease is still the caller's.
-- KEYS[1] entry key   KEYS[2] lease key
-- ARGV[1] token   ARGV[2] entry   ARGV[3] its lifetime, ms
-- Returns 1 when stored, 0 when an invalidation, or time, took the lease away.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
