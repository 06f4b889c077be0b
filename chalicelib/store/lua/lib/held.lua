#!lua
-- Part of the scripts: what is not durable waits here for a connection that is joining, and comes after its replay: connection:store:frame.
-- KEYS: those of user    ARGV: the script's own
-- Answers: nothing by itself. Follows user.
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
