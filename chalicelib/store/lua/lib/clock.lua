#!lua
-- Part of the scripts: the Redis clock in milliseconds.
-- KEYS: none    ARGV: none
-- Answers: nothing by itself; now() and whole()
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Lua would write a large number as 1.7e+12.
local function whole(number) return string.format('%d', number) end
