#!lua
-- save: gives a session that lives other data, and prolongs it. It never creates one.
-- KEYS record user
-- ARGV reference idle data
-- Returns alive, none, rotated or corrupt: as it was found.
local time = now()
local found, fields = look(KEYS[1], KEYS[2], time)
if found == 'alive' then
  redis.call('HSET', KEYS[1], 'data', ARGV[3])
  touch(KEYS[1], KEYS[2], ARGV[1], fields, tonumber(ARGV[2]), time)
end
return found
