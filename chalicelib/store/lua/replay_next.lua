#!lua
-- Read the next entries to replay on a connection, then what was held back; with nothing left it turns live, in the same step.
-- KEYS: the seven of lib/user    ARGV: connection, lessee, ms of the lease, offset behind which to read, entries at most
-- Answers: gone | lost (somebody else replays) | live | entries <offset, event, …> | held <frames>
--@include clock
--@include user
--@include held
--@include connections
--@include list
local connection, lessee, lease, cursor, most = unpack(ARGV)
local at, c = now(), connection_of(connection)
if not c then return {'gone'} end
if c.lessee ~= lessee then return {'lost'} end
local index = up_to(tonumber(cursor))
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
