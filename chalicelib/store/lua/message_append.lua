#!lua
-- Append a message: decide who may, number it, store it, queue the conversation, and owe its delivery (the outbox).
-- KEYS: the nine of lib/conversation, outbox, idempotency key
-- ARGV: conversation, customer, sender ('' for the system), sender's name, request id, body (JSON), ms to remember the id, ms until delivery is overdue
-- Answers: stranger | unknown_store | missing | not_claimer <agent or ''> | conflict <seq> | known <seq> <at> <outbox entry or ''>
--   | stored <seq> <at> <message> <outbox entry> <recipients> <sender's pair> <watchers> <overdue entries> <change or {}>
--@include clock
--@include epoch
--@include conversation
--@include message
--@include outbox
--@include overdue
local conversation, customer, sender, name, id, body = unpack(ARGV)
local OUTBOX, KNOWN = KEYS[10], KEYS[11]
local at, side, joined = now(), 'system', ''
local store_name = redis.call('HGET', STORE, 'name')
local status = redis.call('HGET', CONVERSATION, 'status')
if sender == '' then
  name = store_name
elseif sender == customer then
  side = 'customer'
  if not store_name then return {'unknown_store'} end
else
  local role, since, table_name = member(sender)
  if not role then return {'stranger'} end
  side, joined = 'store', since
  if table_name ~= '' then name = table_name end
end
if not status and side ~= 'customer' then return {'missing'} end
local digest, known = redis.sha1hex(body), redis.call('GET', KNOWN)
if known then
  local seq, first_at, entry, same = known:match('^(%d+) (%d+) (%S+) (%S+)$')
  if same ~= digest then return {'conflict', seq} end
  redis.call('PEXPIRE', KNOWN, ARGV[7]) -- a write, so that who waits for replicas waits for the message, too
  return {'known', seq, first_at, still_owed(OUTBOX, entry)}
end
local claimer = holder(customer)
if side == 'store' and claimer ~= sender then return {'not_claimer', claimer or ''} end

local seq = redis.call('LLEN', MESSAGES) + 1
local lapsed = status == 'claimed' and not claimer
local moves = side == 'customer' and (not status or status == 'closed' or lapsed)
local message = written(conversation, seq, id, sender, name, side, body, at, moves and status == 'closed')
keep(customer, message, seq, side, name, at, moves)
local audience = audience_of(side, customer, redis.call('HGET', CONVERSATION, 'status') == 'waiting', holder(customer))
local entry = seq .. ':' .. customer .. ':' .. audience
local overdue = take_overdue(OUTBOX, at, ARGV[8])
redis.call('ZADD', OUTBOX, whole(at + ARGV[8]), entry)
redis.call('SET', KNOWN, seq .. ' ' .. whole(at) .. ' ' .. entry .. ' ' .. digest, 'PX', ARGV[7])
return {'stored', seq, whole(at), message, entry, recipients_of(audience, customer),
  sender == '' and {} or {sender, joined}, watching(at), overdue, moves and changed(customer, at) or {}}
