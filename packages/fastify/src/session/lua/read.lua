#!lua flags=allow-oom
-- read: a session that lives. Prolongs it when a fifth of its idle time is over, so most reads write nothing.
-- KEYS record user
-- ARGV reference idle
-- Returns none, rotated or corrupt; or alive, user, generation, ends, created, seen, agent, data.
local time = now()
local found, fields = look(KEYS[1], KEYS[2], time)
if found ~= 'alive' then
  return { found }
end
local idle = tonumber(ARGV[2])
local full = math.min(idle, tonumber(fields[3]) - time)
if redis.call('PTTL', KEYS[1]) < full - idle / 5 then
  touch(KEYS[1], KEYS[2], ARGV[1], fields, idle, time)
end
return { found, unpack(fields) }
