#!lua
-- Append a message: decide who may, number it, store it, queue the conversation, and owe its delivery (the outbox).
-- KEYS: the nine of lib/conversation, outbox, the two of the ids
-- ARGV: conversation, customer, sender ('' for the system), sender's name, request id, body (JSON), fingerprint of sender and id, ms until delivery is overdue
-- Answers: stranger | unknown_store | missing | not_claimer <agent or ''> | conflict <seq> | known <seq> <at> <outbox entry or ''>
--   | stored <seq> <at> <message> <outbox entry> <recipients> <sender's pair> <watchers> <overdue entries> <change or {}>
--@include clock
--@include epoch
--@include conversation
--@include status
--@include message
--@include outbox
--@include overdue
local DAY_MS = 24 * 3600 * 1000
local conversation, customer, sender, name, id, body, fingerprint = unpack(ARGV)
local at, status, side, joined = now(), stands.status, 'system', ''
local time, day, OUTBOX = whole(at), math.floor(at / DAY_MS), KEYS[10]
local TODAY, YESTERDAY = KEYS[11 + day % 2], KEYS[12 - day % 2]
-- An id is remembered for the rest of its day, by the Redis clock, and the whole of the next, just until its hash serves again.
local function remember(seq, first_today)
  redis.call('HSET', TODAY, fingerprint, seq)
  if first_today or redis.call('HLEN', TODAY) == 1 then redis.call('PEXPIREAT', TODAY, whole((day + 2) * DAY_MS)) end
end
if sender == '' then
  name = redis.call('HGET', STORE, 'name')
elseif sender == customer then
  side = 'customer'
  if not status and redis.call('EXISTS', STORE) == 0 then return {'unknown_store'} end
else
  local role, since, table_name = member(sender)
  if not role then return {'stranger'} end
  side, joined = 'store', since
  if table_name ~= '' then name = table_name end
end
if not status and side ~= 'customer' then return {'missing'} end
local known = redis.call('HGET', TODAY, fingerprint) or redis.call('HGET', YESTERDAY, fingerprint)
if known then
  remember(known, true) -- a write, so that who waits for replicas waits for the message, too
--@include known
  return answered(OUTBOX, known, customer, body)
end
local claimer = holder(customer)
if side == 'store' and claimer ~= sender then return {'not_claimer', claimer or ''} end

local seq = redis.call('LLEN', MESSAGES) + 1
local lapsed = status == 'claimed' and not claimer
local moves = side == 'customer' and (not status or status == 'closed' or lapsed)
local visit = (stands.reopened or 0) + (moves and status == 'closed' and 2 or 1)
local first_today = not status or math.floor(stands.active_at / DAY_MS) ~= day
local message = written(conversation, seq, id, sender, name, side, body, time, visit)
keep(customer, message, seq, side, name, time)
remember(seq, first_today)
local audience, change = customer, {} -- every agent ('*'), or users by comma, as the protocol's section 5 says
if side == 'customer' then audience = (moves or status == 'waiting') and '*' or claimer end
if side == 'system' and claimer then audience = customer .. ',' .. claimer end
if moves then
--@include set_status
--@include unread
--@include snapshot
  set_status(customer, 'waiting', at)
  change = changed(customer, at)
end
local entry = seq .. ':' .. customer .. ':' .. audience
local overdue = take_overdue(OUTBOX, at, ARGV[8])
redis.call('ZADD', OUTBOX, whole(at + ARGV[8]), entry)
return {'stored', seq, time, message, entry, recipients_of(audience, customer),
  sender == '' and {} or {sender, joined}, watching(at), overdue, change}
