#!lua
-- What storing a message costs at least: ten commands in one round trip.
-- KEYS: known, seq, messages, conversation, recent, members    ARGV: id, body, sender, time (ms)
-- Answers: seq, whether the id was known (0 or 1), the members
local known = redis.call('GET', KEYS[1])
if known then
  return {tonumber(known), 1, redis.call('SMEMBERS', KEYS[6])}
end
local seq = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], seq, 'EX', 86400)
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, seq .. '-0', 'id', ARGV[1], 'b', ARGV[2], 'f', ARGV[3], 't', ARGV[4])
redis.call('HSET', KEYS[4], 'last_seq', seq, 'last_at', ARGV[4], 'last_from', ARGV[3])
redis.call('HINCRBY', KEYS[4], 'n', 1)
redis.call('ZADD', KEYS[5], ARGV[4], KEYS[4])
redis.call('EXPIRE', KEYS[3], 604800)
redis.call('EXPIRE', KEYS[4], 604800)
return {seq, 0, redis.call('SMEMBERS', KEYS[6])}
