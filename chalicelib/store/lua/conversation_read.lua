#!lua
-- Move a side's read mark forward, never back.
-- KEYS: the nine of lib/conversation    ARGV: user, customer, seq
-- Answers: stranger | missing | read <at> <side> <mark> <moved 0|1> <unread> <recipients> <reader's pair> <watchers>
--@include clock
--@include conversation
--@include unread
local user, customer, seq = unpack(ARGV)
local role, joined = role_of(user, customer), ''
if not role then return {'stranger'} end
local last_seq = redis.call('LLEN', MESSAGES)
if last_seq == 0 then return {'missing'} end
local at, side, own, recipients = now(), 'store', BY_STORE, {customer, ''}
if role == 'customer' then
  side, own = 'customer', BY_CUSTOMER
  local agent = holder(customer)
  recipients = agent and agent_pair(agent) or agents_but(customer)
else
  joined = agent_pair(user)[2]
end
local field = 'read_' .. side
local before = tonumber(redis.call('HGET', CONVERSATION, field) or 0)
local mark = math.max(before, math.min(tonumber(seq), last_seq))
if mark > before then redis.call('HSET', CONVERSATION, field, whole(mark)) end
return {'read', whole(at), side, mark, mark > before and 1 or 0, unread(own, mark, last_seq),
  recipients, {user, joined}, watching(at)}
