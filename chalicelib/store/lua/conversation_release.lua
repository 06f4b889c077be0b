#!lua
-- Give a claim back: the conversation waits again, since its oldest unanswered message.
-- KEYS: the nine of lib/conversation    ARGV: agent, customer
-- Answers: stranger | missing | not_claimer <agent or ''> | changed … | unchanged …
--@include clock
--@include epoch
--@include conversation
--@include status
--@include set_status
--@include unread
--@include snapshot
local agent, customer = unpack(ARGV)
local role = role_of(agent, customer)
if not role or role == 'customer' then return {'stranger'} end
if not stands.status then return {'missing'} end
local at, current = now(), holder(customer)
if stands.status ~= 'claimed' then return unchanged(customer, at) end
if role ~= 'supervisor' and current ~= agent then return {'not_claimer', current or ''} end
set_status(customer, 'waiting', at)
return changed(customer, at)
