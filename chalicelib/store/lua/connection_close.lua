#!lua
-- Forget a connection; with the last one the user's absence begins.
-- KEYS: the six of lib/user    ARGV: connection
-- Answers: closed | unknown
--@include clock
--@include user
local at = now()
if redis.call('HDEL', CONNECTIONS, ARGV[1]) == 0 then return {'unknown'} end
local _, none = connections_at(at)
if none then seen(at) end
return {'closed'}
