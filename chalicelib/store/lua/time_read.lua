#!lua
-- Read the clock.
-- KEYS: any, to name a node    ARGV: none
-- Answers: time <at>
--@include clock
return {'time', whole(now())}
