#!lua
-- Part of the scripts: what is said of a conversation.
-- KEYS: those of conversation    ARGV: the script's own
-- Answers: nothing by itself; changed() and unchanged() make what most verbs answer. Follows epoch, status, unread.
local function snapshot(customer)
  local read_customer, read_store = tonumber(stands.read_customer or 0), tonumber(stands.read_store or 0)
  local last_seq, agent, agent_name = redis.call('LLEN', MESSAGES), claimed_by(customer), stands.agent_name
  local _, _, table_name = member(agent or '')
  if table_name and table_name ~= '' then agent_name = table_name end
  return {stands.status, stands.version, stands.waiting_since or '', read_customer, read_store, stands.customer_name,
    agent or '', agent_name or '', last_seq, redis.call('LINDEX', MESSAGES, -1),
    unread(BY_CUSTOMER, read_customer, last_seq), unread(BY_STORE, read_store, last_seq), epoch()}
end

local function changed(customer, at)
  return {'changed', whole(at), snapshot(customer), agents_but(customer), watching(at)}
end

local function unchanged(customer, at)
  redis.call('HINCRBY', CONVERSATION, 'version', 0) -- a write, so that who waits for replicas waits for what was there before
  return {'unchanged', whole(at), snapshot(customer)}
end
