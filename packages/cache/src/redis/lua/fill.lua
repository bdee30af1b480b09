#!lua
-- fill: stores each entry whose lease still holds its token and whose incarnation stands; gives the leases back.
-- KEYS head log markers server intents replicas entry... lease...
-- ARGV incarnation token publish channel lead (holder granted lifetime bytes)...
-- Returns for each 1 stored, 0 not. A lifetime of 0 only gives the lease back.
-- Those who wait are told by one message.
local head = read_head(now())
local n = (#KEYS - 6) / 2
local entries, leases, names = entries_and_leases(n)
local woken, stored = {}, {}
for i = 1, n do
  local at = 2 + 4 * i
  local holder, granted, lifetime, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local held = redis.pcall('GET', leases[i])
  local awaited = held == holder .. AWAITED
  local holds = awaited or held == holder
  if holds then
    redis.call('DEL', leases[i])
  end
  if awaited then
    woken[#woken + 1] = names[i]
  end
  stored[i] = 0
  if holds and granted == head.incarnation and lifetime ~= '0' then
    redis.call('SET', entries[i], bytes, 'PX', lifetime)
    stored[i] = 1
  end
end
if #woken > 0 then
  publish('"filled":' .. cjson.encode(woken) .. '}')
end
return stored
