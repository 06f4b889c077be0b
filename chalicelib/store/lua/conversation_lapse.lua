#!lua
-- End a claim whose agent has been away past the store's grace time, or is no agent any more.
-- KEYS: the nine of lib/conversation    ARGV: agent, customer, absent since ('' while online)
-- Answers: kept | changed …
--@include clock
--@include epoch
--@include conversation
local agent, customer, absent_since = unpack(ARGV)
if claimed_by(customer) ~= agent then return {'kept'} end
local at = now()
if holder(customer) then
  if absent_since == '' then return {'kept'} end
  -- A conversation handed to somebody who is away gets the whole grace time, too.
  local since = math.max(absent_since, redis.call('HGET', CONVERSATION, 'claimed_at'))
  if at - since < redis.call('HGET', STORE, 'claim_grace_s') * 1000 then return {'kept'} end
end
reindexed(customer, function() set_status(customer, 'waiting', at) end)
return changed(customer, at)
