#!lua
-- Read a page of one of the store's lists from its index.
-- KEYS: agents, index    ARGV: user, list (all | waiting | claimed | closed | mine:<agent>), row to begin behind ('' for the first page), limit
-- Answers: stranger | page <rows: list:time:customer>
local user, list, behind, limit = unpack(ARGV)
if redis.call('HEXISTS', KEYS[1], user) == 0 then return {'stranger'} end
local low = behind == '' and '[' .. list .. ':' or '(' .. list .. ':' .. behind
local rows = redis.call('ZRANGE', KEYS[2], low, '(' .. list .. ';', 'BYLEX', 'LIMIT', 0, limit)
return {'page', rows}
