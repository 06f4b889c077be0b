#!lua
-- Say whether a user is online, and the name from the user's last token.
-- KEYS: the seven of lib/user    ARGV: none
-- Answers: presence <absent since or ''> <name or ''>
--@include clock
--@include user
--@include held
--@include connections
local _, none = connections_at(now())
return {'presence', absent_since(none), redis.call('HGET', INBOX, 'name') or ''}
