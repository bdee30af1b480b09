#!lua
-- generation: the generation of a user, which this begins when there is none.
-- KEYS user
-- ARGV absolute
-- Returns it.
return generation_of(KEYS[1], ARGV[1])
