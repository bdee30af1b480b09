#!lua flags=allow-oom
-- describe: looks at sessions of a user without prolonging them. Those that are gone leave the index.
-- KEYS user record...
-- ARGV reference...
-- Returns for each none, rotated or corrupt; or alive, user, generation, ends, created, seen, agent, data.
local time = now()
local reply = {}
for i, reference in ipairs(ARGV) do
  local found, fields = look(KEYS[i + 1], KEYS[1], time)
  if found == 'alive' then
    reply[i] = { found, unpack(fields) }
  else
    redis.call('HDEL', KEYS[1], reference)
    reply[i] = { found }
  end
end
return reply
