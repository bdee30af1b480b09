#!lua flags=allow-oom
-- rotate: begins a new incarnation, when the expected one still stands.
-- KEYS head log markers server intents replicas
-- ARGV incarnation token expected
-- Returns head, time.
local time = now()
local head = read_head(time)
if head.incarnation == ARGV[3] then
  head = begin_incarnation(time)
end
return { head_text(head), time }
