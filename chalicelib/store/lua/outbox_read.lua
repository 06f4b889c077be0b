#!lua
-- Read what an outbox entry owes: the message, and those of its audience who may still have it.
-- KEYS: the nine of lib/conversation    ARGV: customer, seq, audience
-- Answers: missing | owed <message> <active at> <recipients>
--@include clock
--@include conversation
--@include outbox
local customer, seq, audience = unpack(ARGV)
local message = redis.call('LINDEX', MESSAGES, seq - 1)
if not message then return {'missing'} end
return {'owed', message, redis.call('HGET', CONVERSATION, 'active_at'), recipients_of(audience, customer)}
