#!lua flags=allow-oom
-- evict-present: invalidates those of the entries that are there, or are being loaded or written; if none is, nothing happens.
-- KEYS head log markers server intents replicas entry... lease...
-- ARGV incarnation token publish channel lead tail
-- Returns nothing, or head, time, the token before, how many entries there were, and the places of those invalidated.
-- All replicas hear what a foreign program publishes: one of them acts, for the others it has happened.
local time = now()
local head = read_head(time)
local entries, leases, names, places = {}, {}, {}, {}

-- Whether a write is under way that may still be written through.
local function written(name)
  for _, intent in ipairs(live_intents(name, time)) do
    if intent.contended == '0' then
      return true
    end
  end
  return false
end

local n = (#KEYS - 6) / 2
for i = 1, n do
  local entry, lease = KEYS[6 + i], KEYS[6 + n + i]
  if redis.call('EXISTS', entry, lease) > 0 or written(name_of(entry)) then
    places[#places + 1] = i
    entries[#entries + 1] = entry
    leases[#leases + 1] = lease
    names[#names + 1] = name_of(entry)
  end
end
if #places == 0 then
  return {}
end
local tail = string.sub(ARGV[6], 1, -2) .. ',"keys":' .. cjson.encode(names) .. '}'
local after, previous, removed = invalidate(head, time, entries, leases, names, {}, tail)
return { head_text(after), time, previous, removed, unpack(places) }
