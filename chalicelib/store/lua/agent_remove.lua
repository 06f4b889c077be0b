#!lua
-- Take somebody out of the store's agents. The claims that they leave are named, so that they can be ended.
-- KEYS: store, agents, index    ARGV: user, who asks ('' for the marketplace)
-- Answers: unknown_store | stranger | removed <number of the removal> <customers> | no_agent <newest number> <customers>
local user, actor = unpack(ARGV)
local entry = redis.call('HGET', KEYS[2], user)
if actor ~= '' then
  local own = redis.call('HGET', KEYS[2], actor)
  if not own or own:match('^%a+') ~= 'supervisor' then return {'stranger'} end
  if entry and entry:match('^%a+') == 'supervisor' then return {'stranger'} end
end
if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return {'unknown_store'} end
local number = redis.call('HGET', KEYS[1], 'memberships') or 0
if entry then
  redis.call('HDEL', KEYS[2], user)
  number = redis.call('HINCRBY', KEYS[1], 'memberships', 1)
end
local customers = redis.call('ZRANGE', KEYS[3], '[mine:' .. user .. ':', '(mine:' .. user .. ';', 'BYLEX')
for i, row in ipairs(customers) do customers[i] = row:match('[^:]+$') end
return {entry and 'removed' or 'no_agent', number, customers}
