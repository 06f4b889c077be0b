#!lua
-- Part of message_append: what is answered where the id has stored a message before.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: conflict <seq> | known <seq> <at> <outbox entry or ''>. Follows conversation.
local function answered(outbox, seq, customer, body)
  local stored, message = redis.call('LINDEX', MESSAGES, seq - 1), seq .. ':' .. customer .. ':'
  -- No string inside a message holds a quote that is not escaped, so what is found are the message's own fields.
  local same = stored:find(',"body":' .. body .. ',"at":', 1, true)
  if not same then return {'conflict', seq} end
  local at, owed = stored:sub(-100):match(',"at":(%d+),"epoch":"%x*","visit":%d+}$'), ''
  -- The entry as it stands in the outbox by now: it may be gone, or narrowed to some of its audience.
  for _, entry in ipairs(redis.call('ZRANGE', outbox, 0, 999, 'REV')) do
    if entry:sub(1, #message) == message then owed = entry end
  end
  return {'known', seq, at, owed}
end
