#!lua flags=allow-oom
-- end: ends a write. Invalidates its names, or writes values through when nobody else wrote since it began.
-- KEYS head log markers server intents replicas entry... lease... written...
-- ARGV incarnation token publish channel lead tail writer began names (lifetime bytes)...
-- Returns head, time, the token before, how many entries there were, whether the intent stood, and whether it stored.
local time = now()
local n = tonumber(ARGV[9])
local head = head_here(time)
local entries, leases, names = entries_and_leases(n)
local stood, alone, begun = head.incarnation == ARGV[8], true, nil
for _, name in ipairs(names) do
  local others, own = {}, nil
  for _, intent in ipairs(live_intents(name, time)) do
    if intent.token == ARGV[7] then
      own = intent
    else
      others[#others + 1] = intent
    end
  end
  stood = stood and own ~= nil
  alone = alone and own ~= nil and own.contended == '0'
  begun = begun or (own and tonumber(own.seq))
  keep_intents(name, others)
end
local written = #KEYS - 6 - 2 * n
local store = stood and alone and written > 0
for i = 1, written do
  local entry = store and parse_entry(ARGV[9 + 2 * i])
  store = entry and not covered(name_of(KEYS[6 + 2 * n + i]), entry.tags, begun or 0)
end
local after, previous, removed = invalidate(head, time, entries, leases, names, {}, ARGV[6])
for i = 1, written do
  local lifetime, bytes = ARGV[8 + 2 * i], ARGV[9 + 2 * i]
  if store and lifetime ~= '0' then
    redis.call('SET', KEYS[6 + 2 * n + i], stamped(bytes, after), 'PX', lifetime)
  end
end
sweep_intents(time, 0)
return { head_text(after), time, previous, removed, stood and 1 or 0, store and 1 or 0 }
