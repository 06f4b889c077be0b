#!lua
-- Part of the scripts: the offline list. An entry is offset:at:store:event; the store only where the user got it as its agent.
-- KEYS: those of user    ARGV: the script's own
-- Answers: nothing by itself. Follows user.
local function offset_of(entry) return entry and tonumber(entry:match('^%d+')) end

local function newest_offset() return tonumber(redis.call('HGET', INBOX, 'newest') or 0) end

-- How many entries, from the head, have offsets up to this one. Without gaps that is offset - first offset + 1; gaps only make it less.
local function up_to(offset)
  local first = offset_of(redis.call('LINDEX', OFFLINE, 0))
  if not first or first > offset then return 0 end
  local count = math.min(offset - first + 1, redis.call('LLEN', OFFLINE))
  while count > 1 and offset_of(redis.call('LINDEX', OFFLINE, count - 1)) > offset do count = count - 1 end
  return count
end

-- The oldest entries leave: the acknowledged, and the expired. Over the bound there are none: an append sees to it.
local function trim(at, acknowledged)
  local gone = up_to(acknowledged)
  while true do
    local entry = redis.call('LINDEX', OFFLINE, gone)
    if not entry or at - entry:match('^%d+:(%d+):') < OLDEST_MS then break end
    gone = gone + 1
  end
  if gone > 0 then redis.call('LTRIM', OFFLINE, gone, -1) end
end
