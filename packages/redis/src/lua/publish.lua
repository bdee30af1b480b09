-- publish: publishes from the node of a key, so that all processes can listen where that is.
-- KEYS[1] any key of the node
-- ARGV[1] channel   ARGV[2] message
-- Returns the number of subscriptions that it reached over this node.
return redis.call('PUBLISH', ARGV[1], ARGV[2])
