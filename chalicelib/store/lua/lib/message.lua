#!lua
-- Part of message_append: a message as it is kept.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows conversation.

-- The object of the protocol as JSON; the body comes as JSON and stays byte for byte. `reopens` where it opens a closed
-- conversation again: it is the first of another visit.
local function written(conversation, seq, id, sender, name, side, body, at, reopens)
  local visit = (redis.call('HGET', CONVERSATION, 'reopened') or 0) + (reopens and 2 or 1)
  return '{"conversation":"' .. conversation .. '","seq":' .. seq .. ',"id":' .. cjson.encode(id)
    .. ',"from":{"user":"' .. (side == 'system' and 'system' or sender) .. '","name":' .. cjson.encode(name)
    .. ',"side":"' .. side .. '"},"body":' .. body .. ',"at":' .. whole(at) .. ',"epoch":"' .. epoch() .. '","visit":' .. visit .. '}'
end

-- Stores a message as the conversation's last; `waits` where the conversation begins to wait with it.
local function keep(customer, message, seq, side, name, at, waits)
  reindexed(customer, function()
    redis.call('RPUSH', MESSAGES, message)
    redis.call('HSET', CONVERSATION, 'active_at', whole(at))
    if side == 'customer' then
      redis.call('SETBIT', BY_CUSTOMER, seq, 1)
      redis.call('HSETNX', CONVERSATION, 'unanswered_since', whole(at))
      redis.call('HSET', CONVERSATION, 'customer_name', name)
    elseif side == 'store' then
      redis.call('SETBIT', BY_STORE, seq, 1)
      redis.call('HDEL', CONVERSATION, 'unanswered_since')
    end
    if waits then set_status(customer, 'waiting', at) end
  end)
end
