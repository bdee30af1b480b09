#!lua flags=allow-oom
-- invalidate: removes entries with the leases to fill them, clears whole caches, and tells the fleet.
-- KEYS[1..n] entry and lease keys   KEYS[n+1..] generation keys of the caches to clear
-- ARGV[1] n   ARGV[2] new generation   ARGV[3] channel   ARGV[4] message; empty: tell nobody
-- Returns how many subscribers were told.
-- It runs when memory is full, too: removing must not fail for lack of room.
local keys = tonumber(ARGV[1])
for i = 1, keys do
  redis.call('DEL', KEYS[i])
end
for i = keys + 1, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2])
end
if ARGV[4] == '' then
  return 0
end
return redis.call('PUBLISH', ARGV[3], ARGV[4])
