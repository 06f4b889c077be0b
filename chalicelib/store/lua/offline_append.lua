#!lua
-- Leave a durable event in the offline list of each user who may have it, and say where they are online.
-- KEYS: the seven of lib/user, of one user after the other
-- ARGV: store where they get it as its agents (else ''), customer's store and activity (else '' ''), durable event (JSON) or '',
--   the asker's connection or '', each user's joined (else ''), frames that are not durable: whether the asker's connection gets it (0 | 1), JSON, …
-- Answers: for each user left | online <offset or 0> <absent since or ''> <live> <syncing> <joining connections>
--@include clock
--@include user
--@include held
--@include connections
local store, touched, active_at, event, asker = unpack(ARGV)
local at, users, answers = now(), #KEYS / 7, {}
local entry = ':' .. whole(at) .. ':' .. store .. ':' .. event -- behind its offset

local function reach(joined)
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
    local length = redis.call('RPUSH', OFFLINE, offset .. entry)
    -- Over the bound the oldest leave. Those that are too old leave when somebody reads or acknowledges.
    if length > MOST_ENTRIES then redis.call('LTRIM', OFFLINE, -MOST_ENTRIES, -1) end
    redis.call('PEXPIRE', OFFLINE, OLDEST_MS)
  end
  local live, syncing, joining, expired = {}, {}, {}, false
  local connections = redis.call('HGETALL', CONNECTIONS)
  for i = 1, #connections, 2 do
    local id, state, expires, lease = connections[i], connections[i + 1]:match('^(%a+):(%d+):(%d+):')
    -- A replay whose holder died holds nothing back for longer than its lease.
    local waits = state == 'syncing' and tonumber(lease) > at
    if tonumber(expires) <= at then
      expired = true
    elseif waits then
      syncing[#syncing + 1] = id
    elseif state ~= 'joining' then
      live[#live + 1] = id
    else
      joining[#joining + 1] = id
    end
  end
  if expired then connections_at(at) end
  for _, id in ipairs(joining) do
    for i = 6 + users, #ARGV, 2 do
      if id ~= asker or ARGV[i] == '1' then hold(id, store, ARGV[i + 1]) end
    end
  end
  local online = #live + #syncing + #joining > 0
  return {'online', offset, online and '' or redis.call('HGET', INBOX, 'seen') or '0', live, syncing, joining}
end

for i = 1, users do
  CONNECTIONS, INBOX, OFFLINE, STORES, CONVERSATIONS, RATE, HELD = unpack(KEYS, 7 * i - 6, 7 * i)
  answers[i] = reach(ARGV[5 + i])
end
return answers
