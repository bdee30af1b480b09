#!lua
-- lease: the right to load entries, each to the first who asks.
-- KEYS head log markers server intents replicas entry... lease...
-- ARGV incarnation token ms (asker rejected)...
-- Returns head, time, and for each name 1 granted, 2 somebody else loads it, 3 a write is under way, or the entry.
-- The head is the stamp of what will be loaded: it is read here, before the source is.
local time = now()
local head = read_head(time)
local n = (#KEYS - 6) / 2
local entries, leases, names = entries_and_leases(n)
local writing = redis.call('EXISTS', KEYS[5]) == 1

local function answer(i)
  local asker, rejected = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
  local entry = redis.pcall('GET', entries[i])
  if type(entry) == 'string' and '=' .. string.sub(entry, 5, 20) ~= rejected then
    return entry
  end
  if writing and #live_intents(names[i], time) > 0 then
    return 3
  end
  local held = redis.pcall('GET', leases[i])
  if type(held) ~= 'string' then
    redis.call('SET', leases[i], asker, 'PX', ARGV[3])
    return 1
  end
  if string.sub(held, -1) ~= AWAITED then
    redis.call('SET', leases[i], held .. AWAITED, 'KEEPTTL')
  end
  return 2
end

local reply = { head_text(head), time }
for i = 1, n do
  reply[2 + i] = answer(i)
end
return reply
