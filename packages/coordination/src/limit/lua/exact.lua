#!lua flags=allow-oom
-- exact: permits of a policy of the kind `exact`, for many keys at once.
-- KEYS meter...
-- ARGV mode lifetime tiers (limit window)... item...
-- Returns the time, then for each item what batch.lua says.
--
-- A log of permits by the millisecond. It is sliding.lua, where the reasons are given, with grains of a millisecond, of
-- which a window has as many as it is long: so a permit counts for a millisecond more than the window at most. Only grains
-- with permits are kept, and all of them are read each time, which is why it is for small limits.
--
-- The key holds a msgpack array of an array for each tier: the first grain, then for each grain with permits how far it is
-- behind the first, and how many they are.
local GRAIN, AHEAD = 1000, 60000

-- For each tier { used, grain, permits, grain, permits, … }, the grains rising, without what counts no more.
local function read(key)
  local text = redis.call('GET', key)
  local stored = text and cmsgpack.unpack(text)
  local meter, current = {}, math.floor(now / GRAIN)
  for i = 1, #firsts do
    local notes, kept = stored and stored[i] or { 0 }, { 0 }
    local last = notes[1] + (notes[#notes - 1] or 0)
    -- The clock was set back a long way.
    local behind = math.max(0, last - current - AHEAD)
    for j = 2, #notes, 2 do
      local grain = notes[1] + notes[j] - behind
      if grain >= current - seconds[i] then
        kept[1] = kept[1] + notes[j + 1]
        kept[#kept + 1] = grain
        kept[#kept + 1] = notes[j + 1]
      end
    end
    meter[i] = kept
  end
  return meter
end

local function free(meter, i)
  return firsts[i] - meter[i][1]
end

-- When a grain counts no more.
local function forgotten(i, grain)
  return (grain + seconds[i] + 1) * GRAIN
end

-- The earliest moment at which so many permits are free, when nobody else takes any.
local function moment(meter, i, permits)
  local notes = meter[i]
  local left = notes[1] + permits - firsts[i]
  for j = 2, #notes, 2 do
    left = left - notes[j + 1]
    if left <= 0 then
      return forgotten(i, notes[j])
    end
  end
end

-- When all permits are free again.
local function full(meter, i)
  local notes = meter[i]
  return #notes == 1 and now or forgotten(i, notes[#notes - 1])
end

local function take(meter, permits)
  local current = math.floor(now / GRAIN)
  for _, notes in ipairs(meter) do
    notes[1] = notes[1] + permits
    if #notes > 1 and notes[#notes - 1] >= current then
      notes[#notes] = notes[#notes] + permits
    else
      notes[#notes + 1] = current
      notes[#notes + 1] = permits
    end
  end
end

local function write(key, meter)
  local stored, ends = {}, now
  for i, notes in ipairs(meter) do
    stored[i] = { notes[2] }
    for j = 2, #notes, 2 do
      stored[i][j] = notes[j] - notes[2]
      stored[i][j + 1] = notes[j + 1]
    end
    ends = math.max(ends, full(meter, i))
  end
  -- The lifetime is that of permits noted now; with the clock set back they are noted later.
  local life = math.max(tonumber(ARGV[2]), math.ceil((ends - now) / 1000))
  redis.call('SET', key, cmsgpack.pack(stored), 'PX', life)
end

local same_until

