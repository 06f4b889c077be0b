#!lua
-- Read conversations as they stand. The caller's right to see them was decided by the list that named them.
-- KEYS: the nine of lib/conversation, of one conversation after the other    ARGV: customer of each
-- Answers: for each missing | view <snapshot>
--@include clock
--@include epoch
--@include conversation
--@include status
--@include unread
--@include snapshot
local answers = {}
for i, customer in ipairs(ARGV) do
  if i > 1 then -- the first one has been looked at
    STORE, AGENTS, CLAIMS, INDEX, CONVERSATION, MESSAGES, BY_CUSTOMER, BY_STORE, WATCHERS = unpack(KEYS, 9 * i - 8, 9 * i)
    agents, claim = {}, nil
    look()
  end
  answers[i] = stands.status and {'view', snapshot(customer)} or {'missing'}
end
return answers
