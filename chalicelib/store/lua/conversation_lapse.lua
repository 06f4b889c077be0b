#!lua
-- End a claim whose agent has been away past the store's grace time, or is no agent any more.
-- KEYS: the nine of lib/conversation, outbox
-- ARGV: agent, customer, absent since ('' while online), outbox entry of the message that found it so, the entry that says all agents (or '' '')
-- Answers: kept | changed …
--@include clock
--@include epoch
--@include conversation
--@include status
--@include set_status
--@include unread
--@include snapshot
local agent, customer, absent_since, entry, to_all = unpack(ARGV)
if claimed_by(customer) ~= agent then return {'kept'} end
local at = now()
if holder(customer) then
  if absent_since == '' then return {'kept'} end
  -- A conversation handed to somebody who is away gets the whole grace time, too.
  local since = math.max(absent_since, redis.call('HGET', CONVERSATION, 'claimed_at'))
  if at - since < redis.call('HGET', STORE, 'claim_grace_s') * 1000 then return {'kept'} end
end
set_status(customer, 'waiting', at)
-- In the same step, so that whoever dies after it still owes the message to all.
local overdue_at = entry ~= '' and redis.call('ZSCORE', KEYS[10], entry)
if overdue_at then
  redis.call('ZREM', KEYS[10], entry)
  redis.call('ZADD', KEYS[10], overdue_at, to_all)
end
return changed(customer, at)
