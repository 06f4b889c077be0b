#!lua
-- Part of the scripts: a user's connections.
-- KEYS: those of user    ARGV: the script's own
-- Answers: nothing by itself. Follows clock, user, held.

-- A connection is state:expires:lease:holder. It is joining until its first replay has ended, then live, and
-- syncing while the client has the list replayed again; the holder of the lease is the one who replays.
local function connection_from(entry)
  local state, expires, lease, lessee = entry:match('^(%a+):(%d+):(%d+):(.*)$')
  return {state = state, expires = tonumber(expires), lease = tonumber(lease), lessee = lessee}
end

local function connection_of(id)
  local entry = redis.call('HGET', CONNECTIONS, id)
  return entry and connection_from(entry)
end

local function write_connection(id, c)
  redis.call('HSET', CONNECTIONS, id, c.state .. ':' .. whole(c.expires) .. ':' .. whole(c.lease) .. ':' .. c.lessee)
end

local function seen(at)
  if at > tonumber(redis.call('HGET', INBOX, 'seen') or 0) then redis.call('HSET', INBOX, 'seen', whole(at)) end
end

local function drop(id)
  drop_held(function(held_for) return held_for == id end)
  return redis.call('HDEL', CONNECTIONS, id) == 1
end

-- The connections that have not expired, by id; the others are dropped.
local function connections_at(at)
  local present, none, entries = {}, true, redis.call('HGETALL', CONNECTIONS)
  for i = 1, #entries, 2 do
    local id, c = entries[i], connection_from(entries[i + 1])
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
