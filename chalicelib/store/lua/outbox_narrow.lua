#!lua
-- Owe a message only to those whose lists could not be written, instead of to its whole audience again.
-- KEYS: outbox    ARGV: entry, narrower entry
-- Answers: narrowed | paid (somebody else has delivered it meanwhile)
local overdue_at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not overdue_at then return {'paid'} end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], overdue_at, ARGV[2])
return {'narrowed'}
