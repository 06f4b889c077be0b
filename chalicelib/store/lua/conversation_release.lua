#!lua
-- Give a claim back: the conversation waits again, since its oldest unanswered message.
-- KEYS: the nine of lib/conversation    ARGV: agent, customer
-- Answers: stranger | missing | not_claimer <agent or ''> | changed … | unchanged …
--@include clock
--@include epoch
--@include conversation
local agent, customer = unpack(ARGV)
local role = role_of(agent, customer)
if not role or role == 'customer' then return {'stranger'} end
if redis.call('EXISTS', CONVERSATION) == 0 then return {'missing'} end
local at, current = now(), holder(customer)
if redis.call('HGET', CONVERSATION, 'status') ~= 'claimed' then return unchanged(customer, at) end
if role ~= 'supervisor' and current ~= agent then return {'not_claimer', current or ''} end
reindexed(customer, function() set_status(customer, 'waiting', at) end)
return changed(customer, at)
