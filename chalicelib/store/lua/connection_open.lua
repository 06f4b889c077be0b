#!lua
-- Register a connection; it is joining until its first replay has ended.
-- KEYS: the seven of lib/user    ARGV: connection, ms until it expires, the user's name
-- Answers: opened
--@include clock
--@include user
--@include held
--@include connections
write_connection(ARGV[1], {state = 'joining', expires = now() + ARGV[2], lease = 0, lessee = ''})
redis.call('HSET', INBOX, 'name', ARGV[3])
return {'opened'}
