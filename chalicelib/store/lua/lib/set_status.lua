#!lua
-- Part of the scripts: a conversation gets another status.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself. Follows status.
local function set_status(customer, status, at, agent, agent_name)
  local before, changes = rows(customer), {status = status, version = whole((stands.version or 0) + 1)}
  -- From closed to anything else begins another visit.
  if stands.status == 'closed' and status ~= 'closed' then changes.reopened = whole((stands.reopened or 0) + 1) end
  if status == 'claimed' then
    local _, joined = member(agent)
    claim = agent .. ':' .. joined
    redis.call('HSET', CLAIMS, customer, claim)
    changes.claimed_at, changes.agent_name = whole(at), agent_name
  else
    claim = false
    redis.call('HDEL', CLAIMS, customer)
  end
  if status == 'closed' then take_out('unanswered_since') end
  if status == 'waiting' then
    changes.waiting_since = stands.unanswered_since or whole(at)
  else
    take_out('waiting_since')
  end
  put(changes)
  reindex(customer, before)
end
