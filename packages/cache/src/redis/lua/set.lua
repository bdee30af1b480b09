#!lua
-- set: writes a value through, and invalidates what was there.
-- KEYS head log markers server intents replicas entry lease
-- ARGV incarnation token publish channel lead tail version lifetime bytes
-- Returns head, time, the token before, how many entries there were, and stored, invalidated or refused.
-- A version is stored over an older one only: an absent or stale entry leaves none to compare. Version '': always.
local time = now()
local head = read_head(time)
local name = name_of(KEYS[7])
local version, lifetime = tonumber(ARGV[7]), ARGV[8]
local stored = nil
local entry = parse_entry(redis.pcall('GET', KEYS[7]))
if entry and entry.incarnation == tonumber(head.incarnation) and not covered(name, entry.tags, entry.seq) then
  stored = entry.version
end
if version and stored and version < stored then
  return { head_text(head), time, head.token, 0, 'refused' }
end
local newer = not version or (stored and stored < version)
local store = newer and lifetime ~= '0' and #live_intents(name, time) == 0
local after, previous, removed = invalidate(head, time, { KEYS[7] }, { KEYS[8] }, { name }, {}, ARGV[6])
if store then
  redis.call('SET', KEYS[7], stamped(ARGV[9], after), 'PX', lifetime)
end
return { head_text(after), time, previous, removed, store and 'stored' or 'invalidated' }
