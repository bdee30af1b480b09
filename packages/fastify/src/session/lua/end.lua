#!lua flags=allow-oom
-- end: removes one session, and tells the fleet. It runs when memory is full.
-- KEYS record user
-- ARGV reference user rotated publish channel
-- Returns alive, none, rotated or corrupt: as it was found. User '': whoever has its id. Rotated 1: a login is about to give
-- it another id.
local found, fields = look(KEYS[1], KEYS[2], now())
if found == 'rotated' then
  return found
end
if ARGV[2] ~= '' and not (found == 'alive' and fields[1] == ARGV[2]) then
  return 'none'
end
redis.call('UNLINK', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if ARGV[3] == '1' and found == 'alive' then
  mark_rotated(KEYS[1])
end
if found == 'alive' then
  redis.call(ARGV[4], ARGV[5], 'one ' .. ARGV[1] .. ' ' .. fields[1])
end
return found
