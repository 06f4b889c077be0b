#!lua
-- Claim a conversation for an agent: the first one wins; a supervisor may take a claim over.
-- KEYS: the nine of lib/conversation    ARGV: agent, customer, agent's name, force (no | yes | if_supervisor)
-- Answers: stranger | missing | taken <agent> | changed … | unchanged …
--@include clock
--@include epoch
--@include conversation
--@include status
--@include set_status
--@include unread
--@include snapshot
local agent, customer, name, force = unpack(ARGV)
local role = role_of(agent, customer)
if not role or role == 'customer' or (force == 'yes' and role ~= 'supervisor') then return {'stranger'} end
if not stands.status then return {'missing'} end
local at, current = now(), holder(customer)
if current == agent then return unchanged(customer, at) end
local may_force = force ~= 'no' and role == 'supervisor'
if current and not may_force then return {'taken', current} end
set_status(customer, 'claimed', at, agent, name)
return changed(customer, at)
