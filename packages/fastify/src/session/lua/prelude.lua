-- What the scripts of sessions share. A record is a hash: user (empty for an anonymous session), generation, ends, created,
-- seen, agent, data. The user key is a hash: the user's generation, and by reference each of the user's sessions with the
-- time at which it ends when nobody uses it. Times are milliseconds of the server's clock. Where a login has given a session
-- another id, a record of the one field `rotated` stays for a minute, for the requests that are still under way with the old.
local ROTATED_MS = 60000

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now()
  return math.floor(now_us() / 1000)
end

-- Lua writes large numbers as 1.7e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- The one rule of who lives: the record is there, its end has not come, and its user's generation is still its own.
-- Returns alive, none, rotated or corrupt, and the fields of one that lives.
local function look(record, user, time)
  local fields = redis.pcall('HMGET', record, 'user', 'generation', 'ends', 'created', 'seen', 'agent', 'data')
  if fields.err then
    return 'corrupt'
  end
  if not fields[1] or not tonumber(fields[3] or '') then
    if redis.call('HEXISTS', record, 'rotated') == 1 then
      return 'rotated'
    end
    return redis.call('EXISTS', record) == 1 and 'corrupt' or 'none'
  end
  if not (tonumber(fields[3]) > time) then
    return 'none'
  end
  if fields[1] ~= '' and redis.call('HGET', user, 'generation') ~= fields[2] then
    return 'none'
  end
  return 'alive', fields
end

-- Prolongs a session that lives, up to its end at most.
local function touch(record, user, reference, fields, idle, time)
  local left = math.min(idle, tonumber(fields[3]) - time)
  redis.call('PEXPIRE', record, whole(left))
  redis.call('HSET', record, 'seen', whole(time))
  if fields[1] ~= '' then
    redis.call('HSET', user, reference, whole(time + left))
  end
end

local function mark_rotated(record)
  redis.call('UNLINK', record)
  redis.call('HSET', record, 'rotated', 1)
  redis.call('PEXPIRE', record, ROTATED_MS)
end

-- Never one that was before: it rises with the clock, also when the key was lost, and when the clock is set back.
local function next_generation(before)
  return whole(math.max((tonumber(before or '') or 0) + 1, now_us()))
end

-- The user key outlasts every session of the user.
local function keep(user, lifetime)
  if redis.call('PTTL', user) < tonumber(lifetime) then
    redis.call('PEXPIRE', user, lifetime)
  end
end

local function generation_of(user, lifetime)
  local generation = redis.call('HGET', user, 'generation')
  if not generation then
    generation = next_generation(nil)
    redis.call('HSET', user, 'generation', generation)
  end
  keep(user, lifetime)
  return generation
end
