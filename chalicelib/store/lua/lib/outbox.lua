#!lua
-- Part of the scripts: what is owed to whom. An entry of the outbox is seq:customer:audience, by the time from which it is overdue.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows conversation.
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
