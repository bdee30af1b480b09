#!lua flags=allow-oom
-- sliding: permits of a policy of the kind `sliding`, for many keys at once.
-- KEYS meter...
-- ARGV mode lifetime tiers (limit grain)... item...
-- Returns the time, then for each item what batch.lua says.
--
-- Time is cut into grains, ten to a window; a permit is noted in the grain of its moment. In grain g all that was noted in
-- g - 10 and later counts. That is one grain more than the window holds, because g - 10 overlaps it in part, and counts
-- whole. So any two permits less than a window apart have counted together when the later one was given: wherever one lays
-- the window, it never holds more than the limit. What this costs: a permit may count up to one grain longer than it had to.
--
-- A meter's time never goes back. When the clock was set back, g is the last grain that was noted, so all that has ever
-- counted counts on; permits are few until the clock has caught up, or for AHEAD if that is longer off: then all notes
-- move back together, so that a server whose clock was an hour ahead does not lock anybody out for an hour.
--
-- The key holds for each tier, in turn: the last grain with permits, in 6 bytes; and in 4 each, how many permits count, and
-- how many were noted in each of the last eleven grains, where grain g has the place g mod 11.
local SLOTS, WIDTH, AHEAD = 11, 13, 60000000
local FORMAT = '>' .. string.rep('I6I4I4I4I4I4I4I4I4I4I4I4I4', #firsts)
local SIZE, floor = 54 * #firsts, math.floor
-- Whether a grain has been begun, so that the key must live on.
local renewed = false

-- The clock was set back a long way.
local function move_back(meter, at, last)
  local behind, moved = meter[at] - last, {}
  for grain = last - SLOTS + 1, last do
    moved[grain % SLOTS] = meter[at + 2 + (grain + behind) % SLOTS]
  end
  meter[at] = last
  for slot = 0, SLOTS - 1 do
    meter[at + 2 + slot] = moved[slot]
  end
end

-- Without what counts no more.
local function read(key)
  local text = redis.call('GET', key)
  if text and #text ~= SIZE then
    error('its key holds no meter')
  end
  local meter = text and { struct.unpack(FORMAT, text) } or {}
  renewed = false
  for i = 1, #firsts do
    local at, current = (i - 1) * WIDTH + 1, floor(now / seconds[i])
    local last = text and meter[at]
    if not last or current - last >= SLOTS then
      meter[at], meter[at + 1] = current, 0
      for slot = at + 2, at + SLOTS + 1 do
        meter[slot] = 0
      end
      renewed = true
    elseif current > last then
      local used = meter[at + 1]
      for grain = last + 1, current do
        local slot = at + 2 + grain % SLOTS
        used = used - meter[slot]
        meter[slot] = 0
      end
      meter[at + 1] = used
    elseif last > current then
      local latest = current + math.ceil(AHEAD / seconds[i])
      if last > latest then
        move_back(meter, at, latest)
      end
    end
  end
  return meter
end

local function free(meter, i)
  return firsts[i] - meter[(i - 1) * WIDTH + 2]
end

-- The earliest moment at which so many permits are free, when nobody else takes any.
local function moment(meter, i, permits)
  local at = (i - 1) * WIDTH + 1
  local left, last = meter[at + 1] + permits - firsts[i], meter[at]
  for grain = last - SLOTS + 1, last do
    left = left - meter[at + 2 + grain % SLOTS]
    if left <= 0 then
      return (grain + SLOTS) * seconds[i]
    end
  end
end

-- When all permits are free again.
local function full(meter, i)
  local at = (i - 1) * WIDTH + 1
  return meter[at + 1] == 0 and now or (meter[at] + SLOTS) * seconds[i]
end

local function take(meter, permits)
  for i = 1, #firsts do
    local at, grain = (i - 1) * WIDTH + 1, floor(now / seconds[i])
    if grain > meter[at] then
      meter[at], renewed = grain, true
    end
    local slot = at + 2 + meter[at] % SLOTS
    meter[at + 1], meter[slot] = meter[at + 1] + permits, meter[slot] + permits
  end
end

-- Until when permits may be spent as if now.
local function same_until()
  local ends = math.huge
  for i = 1, #firsts do
    ends = math.min(ends, (floor(now / seconds[i]) + 1) * seconds[i])
  end
  return ends
end

local function write(key, meter)
  redis.call('SETRANGE', key, '0', struct.pack(FORMAT, unpack(meter)))
  if renewed then
    redis.call('PEXPIRE', key, ARGV[2])
  end
end

