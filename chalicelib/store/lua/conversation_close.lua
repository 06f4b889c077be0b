#!lua
-- Close a conversation: its claimer, a supervisor or the customer may.
-- KEYS: the nine of lib/conversation    ARGV: user, customer
-- Answers: stranger | missing | not_claimer <agent or ''> | changed … | unchanged …
--@include clock
--@include epoch
--@include conversation
--@include status
--@include set_status
--@include unread
--@include snapshot
local user, customer = unpack(ARGV)
local role = role_of(user, customer)
if not role then return {'stranger'} end
local at, current, status = now(), holder(customer), stands.status
if not status then return {'missing'} end
if status == 'closed' then return unchanged(customer, at) end
if role == 'agent' and current ~= user then return {'not_claimer', current or ''} end
set_status(customer, 'closed', at)
return changed(customer, at)
