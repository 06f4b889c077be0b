#!lua
-- Hand a conversation to another agent of the store, with no moment in between without a claimer.
-- KEYS: the nine of lib/conversation    ARGV: agent, customer, receiver, receiver's name
-- Answers: stranger | missing | no_agent | not_claimer <agent or ''> | changed … | unchanged …
--@include clock
--@include epoch
--@include conversation
--@include status
--@include set_status
--@include unread
--@include snapshot
local agent, customer, receiver, name = unpack(ARGV)
local role = role_of(agent, customer)
if not role or role == 'customer' then return {'stranger'} end
if receiver == customer or not member(receiver) then return {'no_agent'} end
if not stands.status then return {'missing'} end
local at, current = now(), holder(customer)
if role ~= 'supervisor' and current ~= agent then return {'not_claimer', current or ''} end
if current == receiver then return unchanged(customer, at) end
set_status(customer, 'claimed', at, receiver, name)
return changed(customer, at)
