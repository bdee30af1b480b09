#!lua flags=allow-oom
-- invalidate: removes entries with their leases, sets markers, adds to the log, and tells the fleet.
-- KEYS head log markers server intents replicas entry... lease...
-- ARGV incarnation token publish channel lead tail marker...
-- Returns head, time, the token before, how many entries there were.
-- It runs when memory is full: removing must not fail for lack of room.
local time = now()
local markers = {}
for i = 7, #ARGV do
  markers[i - 6] = ARGV[i]
end
local entries, leases, names = entries_and_leases((#KEYS - 6) / 2)
local head, previous, removed = invalidate(read_head(time), time, entries, leases, names, markers, ARGV[6])
return { head_text(head), time, previous, removed }
