#!lua
-- Part of the scripts: a conversation as it stands, and its rows in the index.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows clock, conversation.

-- What the conversation's hash says: read once, and kept in step by put() and take_out().
local stands
local function look()
  local fields = redis.call('HMGET', CONVERSATION, 'status', 'version', 'active_at', 'waiting_since', 'unanswered_since',
    'customer_name', 'agent_name', 'reopened', 'read_customer', 'read_store')
  stands = {status = fields[1], version = fields[2], active_at = fields[3], waiting_since = fields[4],
    unanswered_since = fields[5], customer_name = fields[6], agent_name = fields[7], reopened = fields[8],
    read_customer = fields[9], read_store = fields[10]}
end
look()

local function put(changes)
  local words = {}
  for field, value in pairs(changes) do
    if stands[field] ~= value then
      words[#words + 1], words[#words + 2] = field, value
      stands[field] = value
    end
  end
  if #words > 0 then redis.call('HSET', CONVERSATION, unpack(words)) end
end

local function take_out(field)
  if not stands[field] then return end
  redis.call('HDEL', CONVERSATION, field)
  stands[field] = false
end

-- The rows in the index: status (or all, or mine and the agent), time and customer, so that the order of the bytes is
-- the order of the lists. Latest first means counting the time down.
local function rows(customer)
  local status = stands.status
  if not status then return {} end
  local latest = string.format('%013d:', 9999999999999 - stands.active_at) .. customer
  if status == 'waiting' then
    return {'all:' .. latest, string.format('waiting:%013d:', stands.waiting_since) .. customer}
  elseif status == 'claimed' then
    return {'all:' .. latest, 'claimed:' .. latest, 'mine:' .. (claimed_by(customer)) .. ':' .. latest}
  end
  return {'all:' .. latest, 'closed:' .. latest}
end

-- Puts the rows in the place of those from before a change.
local function reindex(customer, before)
  local gone, new, after = {}, {}, rows(customer)
  for i = 1, 3 do
    if before[i] ~= after[i] then
      gone[#gone + 1] = before[i]
      if after[i] then new[#new + 1], new[#new + 2] = 0, after[i] end
    end
  end
  if #gone > 0 then redis.call('ZREM', INDEX, unpack(gone)) end
  if #new > 0 then redis.call('ZADD', INDEX, unpack(new)) end
end
