-- lease: the right to fill one entry. It goes to whoever asked last, because that load reads the newest source.
-- KEYS[1] lease key   KEYS[2] generation key of the entry's cache
-- ARGV[1] token   ARGV[2] lifetime of the lease, ms   ARGV[3] a generation, should there be none yet
-- Returns the generation.
-- The generation is read here, before the caller reads its source: a clear that comes later makes the entry stale.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'NX')
return redis.call('GET', KEYS[2])
