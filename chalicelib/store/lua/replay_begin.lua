#!lua
-- Begin to replay the offline list on a connection, from its first entry. Durable events wait until the replay has ended.
-- KEYS: the seven of lib/user    ARGV: connection, lessee, ms of the lease, again (1: replay although the connection is live)
-- Answers: gone | busy | live | begun <at> <newest offset> <epoch> <entries> <stores that the user serves: store, …>
--@include clock
--@include epoch
--@include user
--@include held
--@include connections
--@include list
local connection, lessee, lease, again = unpack(ARGV)
local at = now()
local c = connections_at(at)[connection]
if not c then return {'gone'} end
if c.lease > at and c.lessee ~= lessee then return {'busy'} end
if c.state == 'live' and again == '0' then return {'live'} end
if c.state == 'live' then c.state = 'syncing' end
c.lease, c.lessee = at + lease, lessee
write_connection(connection, c)
trim(at, 0)
local stores, entries = {}, redis.call('HGETALL', STORES)
for i = 1, #entries, 2 do
  if tonumber(entries[i + 1]) > 0 then stores[#stores + 1] = entries[i] end
end
return {'begun', whole(at), newest_offset(), epoch(), redis.call('LLEN', OFFLINE), stores}
