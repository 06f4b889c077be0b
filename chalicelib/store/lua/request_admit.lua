#!lua
-- Let a request in: its connection lives on, its acknowledgement is applied, its place in the rate limit is taken.
-- KEYS: the seven of lib/user
-- ARGV: connection ('' for HTTP), ms until it expires, acknowledged offset ('' for none), requests a second (0 for any number), burst,
--   whether to say how connection and list stand (0 | 1), whether the request has been carried out and only counts (0 | 1)
-- Answers: gone | beyond <newest offset> | limited <ms> | admitted <at> <ms until the bucket is empty>
--   <newest offset, epoch, whether the connection's replay was left off (0 | 1)>
--@include clock
--@include epoch
--@include user
--@include held
--@include connections
--@include list
local connection, ttl, ack, rate, burst, wonders, served = unpack(ARGV)
local at, left_off, ahead = now(), 0, 0
if connection ~= '' then
  local c = connections_at(at)[connection]
  if not c then return {'gone'} end
  c.expires = at + ttl
  write_connection(connection, c)
  if c.state ~= 'live' and c.lease <= at then left_off = 1 end
end
if ack ~= '' then
  local newest = newest_offset()
  if tonumber(ack) > newest then return {'beyond', whole(newest)} end
  trim(at, tonumber(ack))
end
if rate ~= '0' then
  -- The bucket as one time: when it would be empty again if nothing more came.
  local interval = 1000 / rate
  local empty_at = math.max(tonumber(redis.call('GET', RATE) or 0), at) + interval
  ahead = empty_at - at
  local wait = ahead - interval * burst
  if wait > 0 and served == '0' then return {'limited', math.ceil(wait)} end
  redis.call('SET', RATE, string.format('%.3f', empty_at), 'PX', math.ceil(math.max(ahead, interval * burst)) + 1000)
end
return {'admitted', whole(at), math.ceil(ahead), wonders == '1' and {newest_offset(), epoch(), left_off} or {}}
