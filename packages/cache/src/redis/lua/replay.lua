#!lua flags=allow-oom
-- replay: what happened after a seq, as far as the log reaches back.
-- KEYS head log markers server intents replicas
-- ARGV incarnation token after
-- Returns head, time, messages in order.
local time = now()
local reply = { head_text(read_head(time)), time }
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+')) do
  reply[#reply + 1] = entry[2][2]
end
return reply
