-- push: puts a value at the head of a list, cuts the list to its size and gives it its lifetime; with a guard, once.
-- KEYS[1] list   KEYS[2] guard, or none
-- ARGV[1] lifetime, ms   ARGV[2] most values   ARGV[3] value   ARGV[4] guard's lifetime, ms
-- Returns the length.
local guard = KEYS[2]
if not guard or redis.call('EXISTS', guard) == 0 then
  redis.call('LPUSH', KEYS[1], ARGV[3])
  redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  if guard then
    redis.call('SET', guard, '', 'PX', ARGV[4])
  end
end
return redis.call('LLEN', KEYS[1])
