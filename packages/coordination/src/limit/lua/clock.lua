-- clock: the time of the server, in µs, the same for all items. Nothing else in these scripts reads a clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

