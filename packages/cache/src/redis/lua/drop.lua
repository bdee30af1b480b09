#!lua flags=allow-oom
-- drop: removes entries that are still the ones that were looked at, without a word.
-- KEYS entry...
-- ARGV identity...
-- Returns how many.
local dropped = 0
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 and redis.call('GETRANGE', key, 4, 19) == ARGV[i] then
    dropped = dropped + redis.call('UNLINK', key)
  end
end
return dropped
