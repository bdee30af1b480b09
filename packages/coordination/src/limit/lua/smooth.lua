#!lua flags=allow-oom
-- smooth: permits of a policy of the kind `smooth`, for many keys at once.
-- KEYS meter...
-- ARGV mode lifetime tiers (burst interval)... item...
-- Returns the time, then for each item what batch.lua says.
--
-- GCRA. A meter is the moment at which all permits are free again; each permit puts it off by one interval, and it may be
-- put off by `burst` intervals at most. Of n permits within a window T, the first puts it an interval after itself at the
-- least, and each puts it off by one; so n intervals < T + burst × interval. The interval is T / (limit - burst + 1), so
-- n < limit + 1, wherever one lays the window, also when the clock was set back in between.
--
-- A meter is never taken to be further ahead of the clock than AHEAD and a burst: a server whose clock was an hour ahead
-- does not lock anybody out for an hour.
--
-- The key holds the meters of the tiers, in 8 bytes each.
local AHEAD = 60000000
local FORMAT = '>' .. string.rep('I8', #firsts)

local function read(key)
  local text = redis.call('GET', key)
  if text and #text ~= 8 * #firsts then
    error('its key holds no meter')
  end
  local meter = text and { struct.unpack(FORMAT, text) } or {}
  for i = 1, #firsts do
    meter[i] = math.max(now, math.min(text and meter[i] or 0, now + AHEAD + firsts[i] * seconds[i]))
  end
  return meter
end

local function free(meter, i)
  return firsts[i] - math.ceil((meter[i] - now) / seconds[i])
end

-- The earliest moment at which so many permits are free, when nobody else takes any.
local function moment(meter, i, permits)
  return meter[i] + (permits - firsts[i]) * seconds[i]
end

-- When all permits are free again.
local function full(meter, i)
  return meter[i]
end

local function take(meter, permits)
  for i = 1, #firsts do
    meter[i] = meter[i] + permits * seconds[i]
  end
end

local function write(key, meter)
  redis.call('SETRANGE', key, '0', struct.pack(FORMAT, unpack(meter)))
  redis.call('PEXPIRE', key, ARGV[2])
end

local same_until

