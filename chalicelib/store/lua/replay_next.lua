#!lua
-- Read the next entries to replay on a connection, then what was held back; with nothing left it turns live, in the same step.
-- KEYS: the seven of lib/user    ARGV: connection, lessee, ms of the lease, offset behind which to read, entries at most
-- Answers: gone | lost (somebody else replays) | live | entries <offset, event, …> | held <frames>
--@include clock
--@include user
local connection, lessee, lease, cursor, most = unpack(ARGV)
local at, c = now(), connection_of(connection)
if not c then return {'gone'} end
if c.lessee ~= lessee then return {'lost'} end
-- Without gaps the entry stands at offset - first offset; gaps only move it towards the head.
local first = offset_of(redis.call('LINDEX', OFFLINE, 0))
local index = first and math.min(math.max(0, cursor - first + 1), redis.call('LLEN', OFFLINE)) or 0
while index > 0 and offset_of(redis.call('LINDEX', OFFLINE, index - 1)) > tonumber(cursor) do index = index - 1 end
local entries = redis.call('LRANGE', OFFLINE, index, index + most - 1)
local held = #entries == 0 and drop_held(function(id) return id == connection end) or {}
if #entries == 0 and #held == 0 then
  c.state, c.lease, c.lessee = 'live', 0, ''
  write_connection(connection, c)
  return {'live'}
end
c.lease = at + lease
write_connection(connection, c)
if #entries == 0 then return {'held', held} end
local found = {}
for _, entry in ipairs(entries) do
  found[#found + 1], found[#found + 2] = entry:match('^(%d+):%d+:[^:]*:(.*)$')
end
return {'entries', found}
