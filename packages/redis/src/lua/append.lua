-- append: adds an entry to a stream, cuts the stream to its size and gives it its lifetime; with a guard, once.
-- KEYS[1] stream   KEYS[2] guard, or none
-- ARGV[1] lifetime, ms   ARGV[2] most entries   ARGV[3] value   ARGV[4] guard's lifetime, ms
-- Returns the entry's id; nil when it was there.
local guard = KEYS[2]
if guard and redis.call('EXISTS', guard) == 1 then
  return false
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'value', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if guard then
  redis.call('SET', guard, '', 'PX', ARGV[4])
end
return id
