#!lua
-- begin: creates a session where none is. One that takes the place of another of its user does so only while that lives.
-- KEYS record user [replaced]
-- ARGV reference user generation idle absolute most agent data publish channel [replaced]
-- Returns taken, ended or superseded; or created, generation, ends, time, and the references of those that were too many.
-- Generation '': whatever it is.
local time = now()
local record, user = KEYS[1], KEYS[2]
if redis.call('EXISTS', record) == 1 then
  return { 'taken' }
end
if KEYS[3] and look(KEYS[3], user, time) ~= 'alive' then
  return { 'ended' }
end
local named = ARGV[2] ~= ''
local generation = ''
if named then
  generation = generation_of(user, ARGV[5])
  if ARGV[3] ~= '' and ARGV[3] ~= generation then
    return { 'superseded' }
  end
end

local function tell(reference)
  redis.call(ARGV[9], ARGV[10], 'one ' .. reference .. ' ' .. ARGV[2])
end

if KEYS[3] then
  mark_rotated(KEYS[3])
  redis.call('HDEL', user, ARGV[11])
  tell(ARGV[11])
end
local ends = time + tonumber(ARGV[5])
local fields = { ARGV[2], generation, whole(ends) }
redis.call('HSET', record, 'user', ARGV[2], 'generation', generation, 'ends', fields[3], 'created', whole(time))
redis.call('HSET', record, 'agent', ARGV[7], 'data', ARGV[8])
touch(record, user, ARGV[1], fields, tonumber(ARGV[4]), time)
local reply = { 'created', generation, fields[3], whole(time) }
if not named then
  return reply
end

-- The index is bounded: those that are over leave it, and then those that have been unused for longest.
local others = {}
local entries = redis.call('HGETALL', user)
for i = 1, #entries, 2 do
  local reference, expiry = entries[i], tonumber(entries[i + 1])
  if reference ~= 'generation' and reference ~= ARGV[1] then
    if expiry > time then
      others[#others + 1] = { reference = reference, expiry = expiry }
    else
      redis.call('HDEL', user, reference)
    end
  end
end
table.sort(others, function(a, b)
  return a.expiry < b.expiry
end)
for i = 1, #others + 1 - tonumber(ARGV[6]) do
  local reference = others[i].reference
  redis.call('HDEL', user, reference)
  tell(reference)
  reply[#reply + 1] = reference
end
return reply
