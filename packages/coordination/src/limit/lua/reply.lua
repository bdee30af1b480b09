-- reply: what is answered: the time; the µs until all permits are free of what the short way has answered; and then of each item
-- what batch.lua says, or what the short way does: -1, less the permits that are left. And the item that comes next.
local reply, size = { now, 0 }, 2
local item = 1
-- A short way for what a kind is asked for most, if it has one.
local short

