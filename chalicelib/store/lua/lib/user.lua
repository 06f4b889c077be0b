#!lua
-- Part of the scripts: what the verbs of one user share (the user's connections and the offline list).
-- KEYS: connections, inbox, offline, stores, conversations, rate, held    ARGV: the script's own
-- Answers: nothing by itself. Follows clock.
local CONNECTIONS, INBOX, OFFLINE, STORES, CONVERSATIONS, RATE, HELD = unpack(KEYS)
local MOST_ENTRIES, OLDEST_MS, MOST_HELD = 1000, 30 * 24 * 3600 * 1000, 200

-- A connection is state:expires:lease:holder. It is joining until its first replay has ended, then live, and
-- syncing while the client has the list replayed again; the holder of the lease is the one who replays.
local function connection_of(id)
  local entry = redis.call('HGET', CONNECTIONS, id)
  if not entry then return nil end
  local state, expires, lease, lessee = entry:match('^(%a+):(%d+):(%d+):(.*)$')
  return {state = state, expires = tonumber(expires), lease = tonumber(lease), lessee = lessee}
end

local function write_connection(id, c)
  redis.call('HSET', CONNECTIONS, id, c.state .. ':' .. whole(c.expires) .. ':' .. whole(c.lease) .. ':' .. c.lessee)
end

local function seen(at)
  if at > tonumber(redis.call('HGET', INBOX, 'seen') or 0) then redis.call('HSET', INBOX, 'seen', whole(at)) end
end

-- What is not durable waits here for a connection that is joining, and comes after its replay: connection:store:frame.
local function hold(id, store, frame)
  if redis.call('LLEN', HELD) >= MOST_HELD then return end
  redis.call('RPUSH', HELD, id .. ':' .. store .. ':' .. frame)
  redis.call('EXPIRE', HELD, 3600)
end

-- Takes out what `wanted(connection, store)` says, and answers its frames.
local function drop_held(wanted)
  local frames = {}
  for _, entry in ipairs(redis.call('LRANGE', HELD, 0, -1)) do
    local id, store, frame = entry:match('^([^:]*):([^:]*):(.*)$')
    if wanted(id, store) then
      redis.call('LREM', HELD, 1, entry)
      frames[#frames + 1] = frame
    end
  end
  return frames
end

local function drop(id)
  drop_held(function(held_for) return held_for == id end)
  return redis.call('HDEL', CONNECTIONS, id) == 1
end

-- The connections that have not expired, by id; the others are dropped.
local function connections_at(at)
  local present, none = {}, true
  for _, id in ipairs(redis.call('HKEYS', CONNECTIONS)) do
    local c = connection_of(id)
    if c.expires > at then
      present[id], none = c, false
    else
      drop(id)
      seen(c.expires)
    end
  end
  return present, none
end

-- Since when the user has had no connection: '' while there is one, 0 where there never was.
local function absent_since(none) return none and (redis.call('HGET', INBOX, 'seen') or '0') or '' end

-- An entry of the list is offset:at:store:event; the store only where the user got it as its agent.
local function offset_of(entry) return entry and tonumber(entry:match('^%d+')) end

local function newest_offset() return tonumber(redis.call('HGET', INBOX, 'newest') or 0) end

-- The oldest entries leave: the acknowledged, the expired, and those over the bound.
local function trim(at, acknowledged)
  while true do
    local entry = redis.call('LINDEX', OFFLINE, 0)
    if not entry then return end
    local offset, stored_at = entry:match('^(%d+):(%d+):')
    local over = redis.call('LLEN', OFFLINE) > MOST_ENTRIES
    if tonumber(offset) > acknowledged and at - stored_at < OLDEST_MS and not over then return end
    redis.call('LPOP', OFFLINE)
  end
end
