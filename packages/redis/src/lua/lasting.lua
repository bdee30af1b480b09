-- lasting: runs one command on a key, and gives the key its lifetime.
-- KEYS[1] key
-- ARGV[1] lifetime, ms   ARGV[2] command   ARGV[3...] what it takes after the key
-- Returns the command's reply.
local reply = redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return reply
