#!lua
-- Write somebody into the store's agents, or change their role or name.
-- KEYS: store, agents    ARGV: user, role, name or '', who asks ('' for the marketplace)
-- Answers: unknown_store | stranger | stored <joined>
local user, role, name, actor = unpack(ARGV)
local entry = redis.call('HGET', KEYS[2], user)
if actor ~= '' then
  local own = redis.call('HGET', KEYS[2], actor)
  -- A supervisor appoints agents, and leaves supervisors to the marketplace.
  if not own or own:match('^%a+') ~= 'supervisor' or role ~= 'agent' then return {'stranger'} end
  if entry and entry:match('^%a+') == 'supervisor' then return {'stranger'} end
end
if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return {'unknown_store'} end
local joined = entry and entry:match('^%a+:(%d+):') or redis.call('HINCRBY', KEYS[1], 'memberships', 1)
redis.call('HSET', KEYS[2], user, role .. ':' .. joined .. ':' .. name)
return {'stored', joined}
