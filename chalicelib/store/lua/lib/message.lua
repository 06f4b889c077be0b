#!lua
-- Part of message_append: a message as it is kept.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows epoch, status. Times are texts here.

-- The object of the protocol as JSON; the body comes as JSON and stays byte for byte.
local function written(conversation, seq, id, sender, name, side, body, time, visit)
  return '{"conversation":"' .. conversation .. '","seq":' .. seq .. ',"id":' .. cjson.encode(id)
    .. ',"from":{"user":"' .. (side == 'system' and 'system' or sender) .. '","name":' .. cjson.encode(name)
    .. ',"side":"' .. side .. '"},"body":' .. body .. ',"at":' .. time .. ',"epoch":"' .. epoch() .. '","visit":' .. visit .. '}'
end

-- Stores a message as the conversation's last.
local function keep(customer, message, seq, side, name, time)
  local before, changes = rows(customer), {active_at = time}
  redis.call('RPUSH', MESSAGES, message)
  if side == 'customer' then
    redis.call('SETBIT', BY_CUSTOMER, seq, 1)
    changes.customer_name, changes.unanswered_since = name, stands.unanswered_since or time
  elseif side == 'store' then
    redis.call('SETBIT', BY_STORE, seq, 1)
    take_out('unanswered_since')
  end
  put(changes)
  reindex(customer, before)
end
