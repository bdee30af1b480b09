-- increment: adds to a counter, and gives it a lifetime when it has none because this creates it.
-- KEYS[1] counter key
-- ARGV[1] how much   ARGV[2] lifetime, ms
-- Returns the new value.
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return value
