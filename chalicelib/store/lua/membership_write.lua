#!lua
-- Note that a user serves a store (a positive number) or has left it (negative); an older word changes nothing.
-- With the leaving, the store's entries leave the offline list, and what is held back of it goes.
-- KEYS: the seven of lib/user    ARGV: store, number, only if the user is known to serve the store (0 | 1)
-- Answers: noted | known
--@include clock
--@include user
--@include held
local store, number = ARGV[1], tonumber(ARGV[2])
local known = tonumber(redis.call('HGET', STORES, store) or 0)
if ARGV[3] == '1' and known <= 0 then return {'known'} end
if math.abs(number) <= math.abs(known) then return {'known'} end
redis.call('HSET', STORES, store, whole(number))
if number < 0 then
  local entries = redis.call('LRANGE', OFFLINE, 0, -1)
  redis.call('DEL', OFFLINE)
  for _, entry in ipairs(entries) do
    if entry:match('^%d+:%d+:([^:]*):') ~= store then redis.call('RPUSH', OFFLINE, entry) end
  end
  redis.call('PEXPIRE', OFFLINE, OLDEST_MS)
  drop_held(function(_, from) return from == store end)
end
return {'noted'}
