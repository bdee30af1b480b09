-- batch: asks for each item in turn, and checks all tiers before it counts in any. It stands behind the body of each kind,
-- which says how a meter is read (read, free, moment, full), counted in (take) and kept (write).
--
-- mode      `consume`, or `peek` to leave everything as it is
-- lifetime  for how many ms a permit of now can matter
-- item      how many permits the key at its place is asked for: `1`; several times in turn: `1,1,5`; and to lease up to 9
--           more besides: `1+9`. Only a kind that says until when they may be spent (same_until) is asked for a lease.
--
-- What it returns for each asking: 0 when the permits are given, else the place of the tier that refuses for the longest;
-- the µs until they can be had, when nobody else takes any; when a lease was asked for, how many more are given, and the
-- µs for which they may be spent; then for each tier the permits that are left, and the µs until all are free. A key that
-- fails has a text instead of all this, and the others go on.
local counts = ARGV[1] == 'consume'

-- Of the permits that are left a lease gets no more than half, so that the last ones are not lost with it.
local function lease(meter, wanted)
  for i = 1, #firsts do
    wanted = math.min(wanted, math.floor(free(meter, i) / 2))
  end
  wanted = math.max(wanted, 0)
  if wanted > 0 then
    take(meter, wanted)
  end
  reply[size + 1], reply[size + 2] = wanted, same_until() - now
  size = size + 2
end

-- Whether it has counted.
local function ask(meter, permits, wanted)
  local place, latest = 0, now
  for i = 1, #firsts do
    if free(meter, i) < permits then
      local at = moment(meter, i, permits)
      if place == 0 or at > latest then
        place, latest = i, at
      end
    end
  end
  local given = counts and place == 0
  if given then
    take(meter, permits)
  end
  reply[size + 1], reply[size + 2] = place, latest - now
  size = size + 2
  if wanted then
    lease(meter, given and wanted or 0)
  end
  for i = 1, #firsts do
    reply[size + 1], reply[size + 2] = free(meter, i), full(meter, i) - now
    size = size + 2
  end
  return given
end

local function serve(key, asked)
  local meter, permits, changed = read(key), tonumber(asked), false
  if permits then
    changed = ask(meter, permits)
  else
    for each, wanted in string.gmatch(asked, '(%d+)%+?(%d*)') do
      changed = ask(meter, tonumber(each), tonumber(wanted)) or changed
    end
  end
  if changed then
    write(key, meter)
  end
end

local function answer(key, asked)
  local before = size
  local fine, problem = pcall(serve, key, asked)
  if not fine then
    for said = before + 1, size do
      reply[said] = nil
    end
    size = before + 1
    reply[size] = tostring(type(problem) == 'table' and problem.err or problem)
  end
end

for place = item, #KEYS do
  local key, asked = KEYS[place], ARGV[3 + 2 * #firsts + place]
  if not short or place == item or not short(key, asked) then
    answer(key, asked)
  end
end
return reply
