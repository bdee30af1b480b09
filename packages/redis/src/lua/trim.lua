-- trim: keeps the first values of a list.
-- KEYS[1] list
-- ARGV[1] how many
-- Returns how many were removed.
local before = redis.call('LLEN', KEYS[1])
local keep = tonumber(ARGV[1])
if before <= keep then
  return 0
end
if keep == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('LTRIM', KEYS[1], 0, keep - 1)
end
return before - keep
