#!lua
-- Read messages by seq, ascending, as many as the limits allow and at least one where there is one.
-- KEYS: the nine of lib/conversation    ARGV: user, customer, from (after | before | newest), seq, limit, limit in bytes
-- Answers: stranger | missing | history <more 0|1> <messages>
--@include clock
--@include conversation
local user, customer, from, seq, limit, bytes = unpack(ARGV)
if not role_of(user, customer) then return {'stranger'} end
local last_seq = redis.call('LLEN', MESSAGES)
if last_seq == 0 then return {'missing'} end
local first, last, forwards = 1, last_seq, from == 'after'
if forwards then first = tonumber(seq) + 1 end
if from == 'before' then last = math.min(tonumber(seq) - 1, last_seq) end
local low, high = first, math.min(last, first + limit - 1)
if not forwards then low, high = math.max(first, last - limit + 1), last end
if low > high then return {'history', 0, {}} end
local found = redis.call('LRANGE', MESSAGES, low - 1, high - 1)
local room, kept = tonumber(bytes), 0
for i = 1, #found do
  room = room - #found[forwards and i or #found + 1 - i]
  if room < 0 and kept > 0 then break end
  kept = kept + 1
end
local skipped = forwards and 0 or #found - kept
local messages = kept < #found and {unpack(found, skipped + 1, skipped + kept)} or found
local more = forwards and low + kept - 1 < last or not forwards and high - kept + 1 > 1
return {'history', more and 1 or 0, messages}
