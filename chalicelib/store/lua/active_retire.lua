#!lua
-- Leave a store out of the sweep, unless it was noted again since somebody looked.
-- KEYS: one shard of the active stores    ARGV: store, when it was noted as seen by who looked
-- Answers: retired | noted
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'noted'} end
redis.call('ZREM', KEYS[1], ARGV[1])
return {'retired'}
