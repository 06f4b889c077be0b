#!lua
-- Part of the scripts: overdue entries of an outbox, a few at a time.
-- KEYS: the script's own    ARGV: the script's own
-- Answers: nothing by itself. Follows clock.
-- Whoever takes them has another `lease` milliseconds before somebody else does.
local function take_overdue(outbox, at, lease)
  local entries = redis.call('ZRANGE', outbox, '-inf', whole(at), 'BYSCORE', 'LIMIT', 0, 10)
  for _, entry in ipairs(entries) do redis.call('ZADD', outbox, whole(at + lease), entry) end
  return entries
end
