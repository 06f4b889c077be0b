#!lua
-- Note that a connection has been welcomed, unless it is gone already.
-- KEYS: connection    ARGV: none
-- Answers: welcomed | gone
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
redis.call('HSET', KEYS[1], 'welcomed', 1)
return {'welcomed'}
