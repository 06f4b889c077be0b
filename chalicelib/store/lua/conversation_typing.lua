#!lua
-- Say who hears that somebody is writing. Nothing is stored.
-- KEYS: the nine of lib/conversation    ARGV: user, customer, user's name
-- Answers: stranger | missing | not_claimer <agent or ''> | typing <side> <name> <recipients> <watchers>
--@include clock
--@include conversation
local user, customer, name = unpack(ARGV)
local role = role_of(user, customer)
if not role then return {'stranger'} end
if redis.call('EXISTS', CONVERSATION) == 0 then return {'missing'} end
local current = holder(customer)
if role == 'customer' then
  return {'typing', 'customer', name, current and agent_pair(current) or {}, watching(now())}
end
if current ~= user then return {'not_claimer', current or ''} end
local _, _, table_name = member(user)
return {'typing', 'store', table_name ~= '' and table_name or name, {customer, ''}, watching(now())}
