#!lua
-- Part of the scripts: what the verbs of one conversation share (who is who, who holds it, who watches).
-- KEYS: store, agents, claims, index, conversation, messages, by_customer, by_store, watchers    ARGV: the script's own
-- Answers: nothing by itself. Follows clock.
local STORE, AGENTS, CLAIMS, INDEX, CONVERSATION, MESSAGES, BY_CUSTOMER, BY_STORE, WATCHERS = unpack(KEYS)

-- Each asked for once a script: no verb of a conversation changes the agents' table, and set_status() keeps `claim` in step.
local agents, claim = {}, nil

-- An entry of the agents' table is role:joined:name; `joined` tells one membership of a user from the next.
local function member(user)
  local entry = agents[user]
  if entry == nil then
    entry = redis.call('HGET', AGENTS, user)
    agents[user] = entry
  end
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
  if claim == nil then claim = redis.call('HGET', CLAIMS, customer) end
  if not claim then return nil end
  return claim:match('^(.*):(%d+)$')
end

local function holder(customer)
  local agent, since = claimed_by(customer)
  if not agent then return nil end
  local _, joined = member(agent)
  return joined == since and agent or nil
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
