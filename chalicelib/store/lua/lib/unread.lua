#!lua
-- Part of the scripts: how many of the messages past `mark` are not in `own`, the bitmap of a side's own messages.
-- KEYS: the script's own    ARGV: the script's own
-- Answers: nothing by itself
local function unread(own, mark, last_seq)
  if mark >= last_seq then return 0 end
  return last_seq - mark - redis.call('BITCOUNT', own, mark + 1, last_seq, 'BIT')
end
