#!lua
-- Part of the scripts: what is owed to whom. An entry of the outbox is seq:customer:audience, by the time from which it is overdue.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows conversation.

-- Every agent ('*'), nobody ('.'), or the users by comma, as the protocol's section 5 says; decided once, when the message is stored.
local function audience_of(side, customer, waiting, claimer)
  if side == 'store' then return customer end
  if side == 'system' then return customer .. (claimer and ',' .. claimer or '') end
  if waiting then return '*' end
  return claimer or '.'
end

local function recipients_of(audience, customer)
  if audience == '*' then return agents_but(customer) end
  local recipients = {}
  for user in audience:gmatch('[^,]+') do
    for _, part in ipairs(user == customer and {customer, ''} or agent_pair(user)) do
      recipients[#recipients + 1] = part
    end
  end
  return recipients
end

-- The entry as it stands in the outbox by now: it may have been narrowed to some of its audience; '' when it is gone.
local function still_owed(outbox, entry)
  if redis.call('ZSCORE', outbox, entry) then return entry end
  local message = entry:match('^%d+:[^:]+:')
  for _, other in ipairs(redis.call('ZRANGE', outbox, 0, 999)) do
    if other:sub(1, #message) == message then return other end
  end
  return ''
end
