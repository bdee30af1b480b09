#!lua flags=allow-oom
-- index: the sessions of a user. Those that are over leave it.
-- KEYS user
-- ARGV
-- Returns their references.
local time = now()
local references = {}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  if entries[i] ~= 'generation' then
    if tonumber(entries[i + 1]) > time then
      references[#references + 1] = entries[i]
    else
      redis.call('HDEL', KEYS[1], entries[i])
    end
  end
end
return references
