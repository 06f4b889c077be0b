#!lua
-- Forget a connection; with the last one the user's absence begins.
-- KEYS: the seven of lib/user    ARGV: connection
-- Answers: closed | unknown
--@include clock
--@include user
--@include held
--@include connections
local at = now()
if not drop(ARGV[1]) then return {'unknown'} end
local _, none = connections_at(at)
if none then seen(at) end
return {'closed'}
