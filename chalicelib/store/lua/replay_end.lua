#!lua
-- Give the lease of a replay back that could not go on, so that the next one need not wait for its end.
-- KEYS: the seven of lib/user    ARGV: connection, lessee
-- Answers: ended | lost
--@include clock
--@include user
--@include held
--@include connections
local c = connection_of(ARGV[1])
if not c or c.lessee ~= ARGV[2] then return {'lost'} end
c.lease = 0
write_connection(ARGV[1], c)
return {'ended'}
