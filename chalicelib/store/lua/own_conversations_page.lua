#!lua
-- Read a page of the stores that a user has written to, latest activity first.
-- KEYS: the seven of lib/user    ARGV: activity and store to begin behind ('' '' for the first page), limit
-- Answers: page <store, activity, …>
local active_at, store, limit = unpack(ARGV)
local conversations, rows = KEYS[5], {}
local function take(found, wanted)
  for i = 1, #found, 2 do
    if #rows < 2 * limit and wanted(found[i]) then
      rows[#rows + 1], rows[#rows + 2] = found[i], found[i + 1]
    end
  end
end
local function any() return true end
-- By bytes, as the sorted set orders what has the same score; Lua's own < follows the server's locale.
local function below(a, b)
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
  end
  return #a < #b
end
if active_at == '' then
  take(redis.call('ZRANGE', conversations, '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES'), any)
else
  -- Those of the same millisecond first, by name downwards, as the sorted set has them.
  take(redis.call('ZRANGE', conversations, active_at, active_at, 'BYSCORE', 'REV', 'WITHSCORES'),
    function(found) return below(found, store) end)
  take(redis.call('ZRANGE', conversations, '(' .. active_at, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES'), any)
end
return {'page', rows}
