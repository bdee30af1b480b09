#!lua flags=allow-oom
-- replay: what happened after a seq, as far as the log reaches back.
-- KEYS head log markers server intents replicas
-- ARGV incarnation token after
-- Returns head, time, messages in order.
-- No more than about a megabyte: a replica that is further behind joins anew, which costs less.
local MAX_BYTES = 2 ^ 20
local time = now()
local reply = { head_text(read_head(time)), time }
local after, bytes, some = ARGV[3] .. '-0', 0, {}
repeat
  some = redis.call('XRANGE', KEYS[2], '(' .. after, '+', 'COUNT', 50)
  for _, entry in ipairs(some) do
    after = entry[1]
    bytes = bytes + #entry[2][2]
    reply[#reply + 1] = entry[2][2]
  end
until #some < 50 or bytes > MAX_BYTES
return reply
