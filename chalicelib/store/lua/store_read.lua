#!lua
-- Read a store: its settings, its counts and its agents, for one of its agents or for anyone ('').
-- KEYS: store, agents, index, claims    ARGV: user or ''
-- Answers: stranger | unknown_store | store <name> <claim grace in s> <waiting> <claimed> <agents: user, entry, …>
local user = ARGV[1]
if user ~= '' and redis.call('HEXISTS', KEYS[2], user) == 0 then return {'stranger'} end
local name, grace = unpack(redis.call('HMGET', KEYS[1], 'name', 'claim_grace_s'))
if not name then return {'unknown_store'} end
return {'store', name, grace, redis.call('ZLEXCOUNT', KEYS[3], '[waiting:', '(waiting;'),
  redis.call('HLEN', KEYS[4]), redis.call('HGETALL', KEYS[2])}
