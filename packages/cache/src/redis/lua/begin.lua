#!lua flags=allow-oom
-- begin: declares a write; until it ends or its time is over, nobody may fill these names. Invalidates them.
-- KEYS head log markers server intents replicas entry... lease...
-- ARGV incarnation token publish channel lead tail writer ms
-- Returns head, time, the token before, how many entries there were, and the replicas that may hold a lease on L1,
-- each followed by the time until which.
-- A writer that meets another, and the other, are contended: neither knows who writes last.
local time = now()
local entries, leases, names = entries_and_leases((#KEYS - 6) / 2)
local met = {}
for i, name in ipairs(names) do
  met[i] = #live_intents(name, time) > 0
end
local head, previous, removed = invalidate(head_here(time), time, entries, leases, names, {}, ARGV[6])
for i, name in ipairs(names) do
  local intents = live_intents(name, time)
  intents[#intents + 1] = {
    expiry = whole(time + tonumber(ARGV[8])),
    incarnation = head.incarnation,
    seq = whole(head.seq),
    contended = met[i] and '1' or '0',
    token = ARGV[7],
  }
  keep_intents(name, intents)
end
sweep_intents(time, #names)
local reply = { head_text(head), time, previous, removed }
for _, text in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. whole(time), '+inf', 'WITHSCORES')) do
  reply[#reply + 1] = text
end
return reply
