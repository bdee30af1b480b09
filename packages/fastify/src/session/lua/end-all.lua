#!lua flags=allow-oom
-- end-all: begins another generation of a user, in which no session lives yet, and tells the fleet.
-- KEYS user
-- ARGV absolute publish channel user
-- Returns the references of the sessions that were in the index; their records are of no use any more.
local references = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'generation' then
    references[#references + 1] = field
  end
end
local generation = next_generation(redis.call('HGET', KEYS[1], 'generation'))
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', generation)
keep(KEYS[1], ARGV[1])
redis.call(ARGV[2], ARGV[3], 'all ' .. ARGV[4])
return references
