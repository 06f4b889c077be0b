#!lua
-- Let a connection of an agent watch a conversation, or stop watching.
-- KEYS: the nine of lib/conversation    ARGV: user, customer, connection, ms to watch (0: stop)
-- Answers: stranger | missing | watching
--@include clock
--@include conversation
local user, customer, connection, ttl = unpack(ARGV)
local role = role_of(user, customer)
if not role or role == 'customer' then return {'stranger'} end
if redis.call('EXISTS', CONVERSATION) == 0 then return {'missing'} end
if ttl == '0' then
  redis.call('HDEL', WATCHERS, connection)
else
  redis.call('HSET', WATCHERS, connection, user .. ':' .. agent_pair(user)[2] .. ':' .. whole(now() + ttl))
  redis.call('PEXPIRE', WATCHERS, ttl)
end
return {'watching'}
