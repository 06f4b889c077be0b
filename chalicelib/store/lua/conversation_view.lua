#!lua
-- Read a conversation as it stands. The caller's right to see it was decided by the list that named it.
-- KEYS: the nine of lib/conversation    ARGV: customer
-- Answers: missing | view <snapshot>
--@include clock
--@include epoch
--@include conversation
--@include status
--@include unread
--@include snapshot
if not stands.status then return {'missing'} end
return {'view', snapshot(ARGV[1])}
