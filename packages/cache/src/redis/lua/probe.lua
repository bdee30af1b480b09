#!lua flags=allow-oom
-- probe: where history stands; records that a replica asks, and for how long it may then hold a lease on its L1.
-- KEYS head log markers server intents replicas
-- ARGV incarnation token replica within markers
-- Returns head, time, and the markers with their seqs in turn when ARGV[5] is 1.
-- Control keys that were lost or are not ours are mended here, so that nothing stays broken for longer than a probe.
local time = now()
mend_types()
local head = head_here(time)
mend_markers(head)
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', whole(time))
redis.call('ZADD', KEYS[6], whole(time + tonumber(ARGV[4])), ARGV[3])
local reply = { head_text(head), time }
if ARGV[5] == '1' then
  reply[3] = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
end
return reply
