-- add-score: adds to a member's score in a sorted set, once for its guard.
-- KEYS[1] sorted set   KEYS[2] guard, or none
-- ARGV[1] how much   ARGV[2] member   ARGV[3] guard's lifetime, ms
-- Returns the score as a text; 0 for a member that was removed since.
local guard = KEYS[2]
if guard and redis.call('EXISTS', guard) == 1 then
  return redis.call('ZSCORE', KEYS[1], ARGV[2]) or '0'
end
local before = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or '0')
if math.abs(before + tonumber(ARGV[1])) == math.huge then
  return redis.error_reply('ERR the score would overflow')
end
local score = redis.call('ZINCRBY', KEYS[1], ARGV[1], ARGV[2])
if guard then
  redis.call('SET', guard, '', 'PX', ARGV[3])
end
return score
