#!lua
-- Part of the scripts: which history of the data this server serves, as a word.
-- KEYS: none    ARGV: none
-- Answers: nothing by itself; epoch()
-- Redis names a history by its replication id. It takes a new name where the newest writes may be missing: when the
-- server starts, and when a replica takes over.
local history
local function epoch() -- asked for once a script, though a message and its conversation both say it
  if not history then
    local said = redis.pcall('INFO', 'replication') -- a managed Redis may keep it to itself: then there is no word
    local _, before = string.find(type(said) == 'string' and said or '', 'master_replid:', 1, true)
    history = before and said:match('^%x%x%x%x%x%x%x%x', before + 1) or ''
  end
  return history
end
