#!lua
-- Take overdue outbox entries for delivery.
-- KEYS: outbox    ARGV: ms until they are overdue again
-- Answers: the entries, at most ten
--@include clock
--@include overdue
return take_overdue(KEYS[1], now(), ARGV[1])
