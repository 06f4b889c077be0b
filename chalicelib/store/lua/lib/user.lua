#!lua
-- Part of the scripts: the keys and the bounds of one user; offline_append goes from one user to the next.
-- KEYS: connections, inbox, offline, stores, conversations, rate, held    ARGV: the script's own
-- Answers: nothing by itself
local CONNECTIONS, INBOX, OFFLINE, STORES, CONVERSATIONS, RATE, HELD = unpack(KEYS)
local MOST_ENTRIES, OLDEST_MS, MOST_HELD = 1000, 30 * 24 * 3600 * 1000, 200
