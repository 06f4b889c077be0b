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
  if not c and served == '0' then return {'gone'} end
  if c then
    c.expires = at + ttl
    write_connection(connection, c)
    if c.state ~= 'live' and c.lease <= at then left_off = 1 end
  end
end
if ack ~= '' then
  local newest = newest_offset()
  if tonumber(ack) > newest then return {'beyond', whole(newest)} end
  trim(at, tonumber(ack))
end
if rate ~= '0' then
  -- The bucket as one time: when it would be empty if nothing more came. Behind it, ms of what was carried out over the
  -- limit: that is charged once half of the bucket is empty, so that who was told how long to wait is let in then; or once it is a whole burst.
  local interval, full = 1000 / rate, 1000 / rate * burst
  local empty_at, debt = (redis.call('GET', RATE) or '0'):match('^([%d.]+) ?(%d*)$')
  empty_at, debt = math.max(tonumber(empty_at), at), tonumber(debt) or 0
  local function keep()
    local form = debt > 0 and '%.3f %.0f' or '%.3f'
    redis.call('SET', RATE, form:format(empty_at, debt), 'PX', math.ceil(math.max(empty_at - at, full) + debt) + 1000)
  end
  if debt > full or debt > 0 and empty_at - at <= full / 2 then
    empty_at, debt = empty_at + debt, 0
    keep()
  end
  local wait = empty_at + interval - at - full
  if wait <= 0 then
    empty_at = empty_at + interval
  elseif served == '1' then
    debt = debt + interval
  else
    return {'limited', math.ceil(wait)}
  end
  keep()
  ahead = empty_at - at
end
return {'admitted', whole(at), math.ceil(ahead), wonders == '1' and {newest_offset(), epoch(), left_off} or {}}
