#!lua
-- Leave a durable event in a user's offline list, if there is one, and say where the user is online.
-- KEYS: the seven of lib/user
-- ARGV: store and joined, where the user gets it as an agent (else '' ''), customer's store and activity (else '' ''), durable event (JSON) or '',
--   the asker's connection or '', frames that are not durable: whether the asker's connection gets it (0 | 1), JSON, …
-- Answers: left | online <offset or 0> <absent since or ''> <live> <syncing> <joining connections>
--@include clock
--@include user
local store, joined, touched, active_at, event, asker = unpack(ARGV)
local at = now()
if store ~= '' then
  -- Whoever has left since the delivery was decided gets nothing more (a removal is stored as a negative number).
  local known = tonumber(redis.call('HGET', STORES, store) or 0)
  if known < 0 and -known > tonumber(joined) then return {'left'} end
  if known < tonumber(joined) then redis.call('HSET', STORES, store, joined) end
end
if touched ~= '' then redis.call('ZADD', CONVERSATIONS, 'GT', active_at, touched) end
local offset = 0
if event ~= '' then
  offset = redis.call('HINCRBY', INBOX, 'newest', 1)
  redis.call('RPUSH', OFFLINE, offset .. ':' .. whole(at) .. ':' .. store .. ':' .. event)
  trim(at, 0)
  redis.call('PEXPIRE', OFFLINE, OLDEST_MS)
end
local present, none = connections_at(at)
local live, syncing, joining = {}, {}, {}
for id, c in pairs(present) do
  -- A replay whose holder died holds nothing back for longer than its lease.
  local waits = c.state == 'syncing' and c.lease > at
  if waits then
    syncing[#syncing + 1] = id
  elseif c.state ~= 'joining' then
    live[#live + 1] = id
  else
    joining[#joining + 1] = id
    for i = 7, #ARGV, 2 do
      if id ~= asker or ARGV[i] == '1' then hold(id, store, ARGV[i + 1]) end
    end
  end
end
return {'online', offset, absent_since(none), live, syncing, joining}
