#!lua
-- Part of the scripts: what the verbs of one conversation share (who is who, the index, the status, the snapshot).
-- KEYS: store, agents, claims, index, conversation, messages, by_customer, by_store, watchers    ARGV: the script's own
-- Answers: nothing by itself; changed() and unchanged() make what most verbs answer. Follows clock, epoch.
local STORE, AGENTS, CLAIMS, INDEX, CONVERSATION, MESSAGES, BY_CUSTOMER, BY_STORE, WATCHERS = unpack(KEYS)

-- An entry of the agents' table is role:joined:name; `joined` tells one membership of a user from the next.
local function member(user)
  local entry = redis.call('HGET', AGENTS, user)
  if not entry then return nil end
  return entry:match('^(%a+):(%d+):(.*)$')
end

local function role_of(user, customer)
  if user == customer then return 'customer' end
  return (member(user))
end

-- A claim is agent:joined. One of an earlier membership, or of somebody who has left, holds nobody back: it has no
-- holder, and lapses.
local function claimed_by(customer)
  local claim = redis.call('HGET', CLAIMS, customer)
  if not claim then return nil end
  return claim:match('^(.*):(%d+)$')
end

local function holder(customer)
  local agent, since = claimed_by(customer)
  if not agent then return nil end
  local _, joined = member(agent)
  return joined == since and agent or nil
end

-- The conversation's rows in the index: status (or all, or mine and the agent), time and customer, so that the
-- order of the bytes is the order of the lists. Latest first means counting the time down.
local function rows(customer)
  local status, active_at, since = unpack(redis.call('HMGET', CONVERSATION, 'status', 'active_at', 'waiting_since'))
  if not status then return {} end
  local latest = string.format('%013.0f', 9999999999999 - active_at) .. ':' .. customer
  if status == 'waiting' then
    return {'all:' .. latest, 'waiting:' .. string.format('%013.0f', since) .. ':' .. customer}
  elseif status == 'claimed' then
    return {'all:' .. latest, 'claimed:' .. latest, 'mine:' .. (claimed_by(customer)) .. ':' .. latest}
  end
  return {'all:' .. latest, 'closed:' .. latest}
end

local function reindexed(customer, change)
  local before = rows(customer)
  change()
  if #before > 0 then redis.call('ZREM', INDEX, unpack(before)) end
  for _, row in ipairs(rows(customer)) do redis.call('ZADD', INDEX, 0, row) end
end

local function set_status(customer, status, at, agent, agent_name)
  -- From closed to anything else begins another visit.
  if redis.call('HGET', CONVERSATION, 'status') == 'closed' and status ~= 'closed' then
    redis.call('HINCRBY', CONVERSATION, 'reopened', 1)
  end
  if status == 'claimed' then
    local _, joined = member(agent)
    redis.call('HSET', CLAIMS, customer, agent .. ':' .. joined)
    redis.call('HSET', CONVERSATION, 'claimed_at', whole(at), 'agent_name', agent_name)
  else
    redis.call('HDEL', CLAIMS, customer)
  end
  if status == 'closed' then redis.call('HDEL', CONVERSATION, 'unanswered_since') end
  if status == 'waiting' then
    local since = redis.call('HGET', CONVERSATION, 'unanswered_since') or whole(at)
    redis.call('HSET', CONVERSATION, 'waiting_since', since)
  else
    redis.call('HDEL', CONVERSATION, 'waiting_since')
  end
  redis.call('HSET', CONVERSATION, 'status', status)
  redis.call('HINCRBY', CONVERSATION, 'version', 1)
end

-- How many of the messages past `mark` are not in `own`, the bitmap of a side's own messages.
local function unread(own, mark, last_seq)
  if mark >= last_seq then return 0 end
  return last_seq - mark - redis.call('BITCOUNT', own, mark + 1, last_seq, 'BIT')
end

local function snapshot(customer)
  local status, version, since, read_customer, read_store, customer_name, agent_name = unpack(redis.call('HMGET',
    CONVERSATION, 'status', 'version', 'waiting_since', 'read_customer', 'read_store', 'customer_name', 'agent_name'))
  local last_seq, agent = redis.call('LLEN', MESSAGES), claimed_by(customer)
  local _, _, table_name = member(agent or '')
  if table_name and table_name ~= '' then agent_name = table_name end
  read_customer, read_store = tonumber(read_customer or 0), tonumber(read_store or 0)
  return {status, version, since or '', read_customer, read_store, customer_name, agent or '', agent_name or '',
    last_seq, redis.call('LINDEX', MESSAGES, -1), unread(BY_CUSTOMER, read_customer, last_seq),
    unread(BY_STORE, read_store, last_seq), epoch()}
end

-- Recipients are pairs: a user, and `joined` where the user gets it as an agent.
local function agents_but(customer)
  local pairs_, entries = {}, redis.call('HGETALL', AGENTS)
  for i = 1, #entries, 2 do
    if entries[i] ~= customer then
      pairs_[#pairs_ + 1] = entries[i]
      pairs_[#pairs_ + 1] = entries[i + 1]:match('^%a+:(%d+):')
    end
  end
  return pairs_
end

local function agent_pair(agent)
  local _, joined = member(agent)
  return joined and {agent, joined} or {}
end

-- The connections that watch; those whose time or whose membership is over leave the table.
local function watching(at)
  local connections, entries = {}, redis.call('HGETALL', WATCHERS)
  for i = 1, #entries, 2 do
    local user, joined, expires_at = entries[i + 1]:match('^([^:]+):(%d+):(%d+)$')
    local _, current = member(user)
    if current == joined and tonumber(expires_at) > at then
      connections[#connections + 1] = entries[i]
    else
      redis.call('HDEL', WATCHERS, entries[i])
    end
  end
  return connections
end

local function changed(customer, at)
  return {'changed', whole(at), snapshot(customer), agents_but(customer), watching(at)}
end
local function unchanged(customer, at)
  redis.call('HINCRBY', CONVERSATION, 'version', 0) -- a write, so that who waits for replicas waits for what was there before
  return {'unchanged', whole(at), snapshot(customer)}
end
